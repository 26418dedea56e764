"""The planner against uniform and global magnitude at equal measured milliseconds.

    python -m benchmarks.plan --network resnet20-cifar10 --sweep sweep.csv
        [--share 0.6] [--output plan.json] [--only time|accuracy] [--table]

First the times: a plan for ``share`` of the dense program's milliseconds, proved and
repaired on validation images, batch norms re-estimated; then, for each baseline, the
sparsity whose program takes as long as the plan's (found by halving; where it cannot be
hit, the baseline gets the slower, milder program). All are measured once more in turns.
Then the accuracies on test images: raw, with batch norms re-estimated, and after the
same fine-tuning.

The file is written after every step and read again at the start, so that a run can be
stopped, and its times taken on a quiet machine and its accuracies on a busy one.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import workbench as wb
from workbench.analysis.planner.planner import Budget
from workbench.analysis.sensitivity.csv_file import read_csv
from workbench.measure.contenders import Contender, subject_of
from workbench.measure.interleave import Settings, measure_contenders
from workbench.measure.peers.protocol import FunctionRunner
from workbench.pruning.recipe.recipe import Recipe
from workbench.workflows.plan.round import Proof, best_round
from workbench.workflows.plan.verify import verify_plan

BASELINES = {"uniform magnitude": {}, "global magnitude": {"scope": "global"}}
PLAN = "plan"
HALVINGS = 7
ROUNDS = 400


def main() -> None:
    options = parsed()
    torch.set_num_threads(1)
    book = Book(Path(options.output))
    if not options.table:
        comparison = Comparison(options, book)
        if options.only != "accuracy":
            comparison.time()
        if options.only != "time":
            comparison.score()
    print(markdown(book.facts))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", default="resnet20-cifar10")
    parser.add_argument("--sweep", default="sweep.csv")
    parser.add_argument("--data", default=None)
    parser.add_argument("--share", type=float, default=0.6, help="of the dense ms")
    parser.add_argument("--rounds", type=int, default=3, help="repairs at most")
    parser.add_argument("--images", type=int, default=None, help="test images")
    parser.add_argument("--tune-images", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument(
        "--choose", type=int, default=1, help="epochs of tuning before plans are chosen"
    )
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each trial")
    parser.add_argument("--output", default="plan.json")
    parser.add_argument("--only", choices=("time", "accuracy"))
    parser.add_argument("--table", action="store_true", help="only print the file")
    return parser.parse_args()


class Book:
    """What is known so far, on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: dict[str, Any] = {"recipes": {}, "cells": {}}
        if path.exists():
            self.facts = json.loads(path.read_text())

    def save(self) -> None:
        beside = self.path.with_name(self.path.name + ".part")
        beside.write_text(json.dumps(self.facts, indent=1))
        beside.replace(self.path)


class Comparison:
    """The network, and the steps of the comparison."""

    def __init__(self, options: argparse.Namespace, book: Book) -> None:
        self.options, self.book = options, book
        self.network = wb.load_model(options.network)
        self.facts = book.facts
        self.facts["network"] = options.network

    def time(self) -> None:
        """Find the three recipes, then measure them in turns."""
        recipes: dict[str, str] = self.facts["recipes"]
        if PLAN not in recipes:
            recipes[PLAN] = self._planned()
            self.facts["share"] = self.options.share
            self.book.save()
        for name, params in BASELINES.items():
            if name not in recipes:
                recipes[name] = self._as_slow(name, params).dump()
                self.book.save()
        if "times" not in self.facts:
            found = {
                name: wb.prune(self.network, wb.Recipe.loads(text))
                for name, text in recipes.items()
            }
            self.facts["times"] = self._measured(found, 4 * self.options.seconds)
            self.book.save()

    def score(self) -> None:
        """Accuracy of every recipe on test images: raw, BN, tuned."""
        options = self.options
        train = wb.dataset_for(self.network, split="train", root=options.data)
        test = wb.dataset_for(self.network, split="test", root=options.data)
        test = test if options.images is None else test.take(options.images)
        cells: dict[str, Any] = self.facts["cells"]

        def once(key: str, value: Callable[[], Any]) -> None:
            if key not in cells:
                found = wb.evaluate(value(), test)
                cells[key] = [found.top1, *found.interval, found.n, found.loss]
                self.book.save()
                print(f"{key}: {found.top1:.4f}", flush=True)

        once("dense", lambda: self.network)
        for name, text in self.facts["recipes"].items():
            pruned = wb.prune(self.network, wb.Recipe.loads(text))
            costs = wb.layer_costs(pruned)
            self.facts.setdefault("macs", {})[name] = costs.macs
            once(f"{name} raw", lambda pruned=pruned: pruned)

            def fixed(pruned: Any = pruned) -> Any:
                return wb.reestimate_bn(pruned, train)

            once(f"{name} BN", fixed)
            once(
                f"{name} tuned",
                lambda fixed=fixed: wb.finetune(
                    fixed(),
                    train.take(options.tune_images),
                    epochs=options.epochs,
                    lr=options.lr,
                    bn_images=2000,
                ),
            )

    def _planned(self) -> str:
        """Return the recipe of the proved plan."""
        sweep = read_csv(self.options.sweep)
        data = wb.dataset_for(self.network, split="val", root=self.options.data)
        train = wb.dataset_for(self.network, split="train", root=self.options.data)
        settings = wb.SweepOptions(images=sweep.base.n)
        dense = sweep.base.measured_ms or sweep.base.network_ms or 0.0
        rounds = verify_plan(
            sweep,
            Budget("ms", limit=self.options.share * dense),
            Proof(
                self.network,
                data,
                settings,
                settle=train,
                tune_epochs=self.options.choose,
            ),
            rounds=self.options.rounds,
            on_round=lambda one: print(json.dumps(one.to_dict()), flush=True),
        )
        self.facts["rounds"] = [one.to_dict() for one in rounds]
        return best_round(rounds).plan.recipe.dump()

    def _as_slow(self, name: str, params: dict[str, str]) -> Recipe:
        """Return the magnitude recipe that takes as long as the plan."""
        low, high = 0.0, 0.99
        found: Recipe = wb.Recipe.uniform("magnitude", low, **params)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            recipe = wb.Recipe.uniform("magnitude", middle, **params)
            ratio = self._ratio(f"{name} {middle:.6f}", recipe)
            print(f"{name} {middle:.4f}: {ratio:.4f} of the plan's time", flush=True)
            if ratio >= 1:
                # Not faster than the plan: it may prune more.
                low, found = middle, recipe
            else:
                high = middle
        return found

    def _ratio(self, key: str, recipe: Recipe) -> float:
        """Return the time of a recipe's program over the plan's, taking turns."""
        trials: dict[str, float] = self.facts.setdefault("trials", {})
        if key not in trials:
            plan = wb.Recipe.loads(self.facts["recipes"][PLAN])
            both = {
                PLAN: wb.prune(self.network, plan),
                key: wb.prune(self.network, recipe),
            }
            times = self._measured(both, self.options.seconds)
            trials[key] = float(times[key]["ms"] / times[PLAN]["ms"])
            self.book.save()
        return trials[key]

    def _measured(self, pruned: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Return medians and spreads of these and the dense one, taking turns."""
        networks = {"dense": self.network, **pruned}
        programs = {name: wb.compile(one) for name, one in networks.items()}
        lanes = [
            Contender(
                name,
                "workbench",
                subject_of(one),
                lambda _setup, program=programs[name]: FunctionRunner(program),
            )
            for name, one in networks.items()
        ]
        settings = Settings(budget_s=seconds)
        found = measure_contenders(lanes, threads=1, rounds=ROUNDS, settings=settings)
        rows = found.timed
        self.facts["conditions"] = found.conditions.line
        return {
            name: {
                "ms": row.spread.median_ms,
                "p10": row.spread.p10_ms,
                "p90": row.spread.p90_ms,
            }
            for name, row in zip(networks, rows, strict=True)
            if row.spread is not None
        }


def markdown(facts: dict[str, Any]) -> str:
    """Return the comparison as a table."""
    times, cells = facts.get("times", {}), facts["cells"]
    lines = [
        f"{facts.get('network')}, {facts.get('conditions', 'not timed')}",
        "",
        "| recipe | ms (p10 .. p90) | theoretical MACs | raw | BN | tuned | n |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in ("dense", *facts["recipes"]):
        time = times.get(name)
        shown = (
            f"{time['ms']:.4f} ({time['p10']:.4f} .. {time['p90']:.4f})" if time else ""
        )
        macs = facts.get("macs", {}).get(name, "")
        keys = ("dense",) if name == "dense" else ()
        keys = keys or tuple(f"{name} {kind}" for kind in ("raw", "BN", "tuned"))
        scores = [_share(cells.get(key)) for key in keys]
        scores += [""] * (3 - len(scores))
        images = ", ".join(sorted({str(cells[key][3]) for key in keys if key in cells}))
        lines.append(f"| {name} | {shown} | {macs} | {' | '.join(scores)} | {images} |")
    return "\n".join(lines)


def _share(cell: list[float] | None) -> str:
    if cell is None:
        return ""
    top1, low, high = (100 * value for value in cell[:3])
    return f"{top1:.2f} ({low:.2f} .. {high:.2f})"


if __name__ == "__main__":
    main()
