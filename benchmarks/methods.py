"""Every pruning method at equal theoretical MACs: accuracy, executed MACs, time, bytes.

    python -m benchmarks.methods [--network resnet20-cifar10] [--output methods.json]
        [--targets 0.5,0.3,0.15,0.1] [--variants "magnitude;filter l1"] [--images 2000]
        [--tune-images 4000 --epochs 2 --lr 0.02] [--seconds 2] [--seed 0]

First pass: each method's strength is found by search, then raw and BN top-1. Second
pass, with --epochs above 0: fine-tuning from the BN re-estimated network, masks frozen,
BN re-estimated again. Third pass, with --seconds above 0: executed MACs and interleaved
time against the dense program. The file is written after every cell and read again at
the start, so that a run can be stopped and continued.

--table only prints the file; --retime only times again: all cells asked for, or with
`--retime disturbed` those that have no time or whose time something else disturbed.
"""

import argparse
import json
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

import workbench as wb
from benchmarks.methods_bases import Bases
from benchmarks.methods_table import disturbed, markdown, untimed
from workbench.measure.contenders import Contender, subject_of
from workbench.measure.interleave import Settings, measure_contenders
from workbench.measure.peers.protocol import FunctionRunner

VARIANTS = {
    "magnitude": ("magnitude", {}),
    "filter l1": ("filter", {}),
    "pconv K=8": ("pconv", {}),
    "winograd F(2, 3)": ("magnitude", {}),
    "block n=4": ("block", {"n": 4}),
    "stripe": ("stripe", {}),
    "kernel": ("kernel", {}),
    "flops gates": ("filter", {}),
    "hetconv": ("hetconv", {"p": tuple(range(1, 65))}),
    "slimming, trained": ("slimming", {}),
    "layer taylor": ("layer", {"criterion": "taylor"}),
    "sensitivity": ("sensitivity", {}),
    "magnitude, global": ("magnitude", {"scope": "global"}),
    "stripe, trained": ("stripe", {}),
    "nm": ("nm", {}),
    "filter l1, global": ("filter", {"scope": "global"}),
    "slimming": ("slimming", {}),
    "random": ("random", {}),
    "lamp, global": ("magnitude", {"scope": "global", "criterion": "lamp"}),
    "taylor, global": ("magnitude", {"scope": "global", "criterion": "taylor"}),
    "filter fpgm": ("filter", {"criterion": "fpgm"}),
    "filter taylor": ("filter", {"criterion": "taylor"}),
    "channel": ("channel", {}),
    "block n=16": ("block", {"n": 16}),
    "pconv elog": ("pconv", {"set": "elog"}),
    "pconv random": ("pconv", {"set": "random"}),
}
BASES = {
    "winograd F(2, 3)": "winograd",
    "slimming, trained": "slimming",
    "stripe, trained": "skeleton",
    "flops gates": "flops",
}
SHRINKING = ("filter", "channel", "slimming", "layer")
NEAR = 0.03
ROUNDS = 200


def main() -> None:
    options = parsed()
    path = Path(options.output)
    book = json.loads(path.read_text()) if path.exists() else {"cells": {}}
    if not options.table:
        torch.set_num_threads(1)
        bench = Bench(options, book, path)
        if options.retime:
            wanted = [bench.key(*one) for one in bench.asked()]
            known = book["cells"] if options.retime == "all" else disturbed(book)
            bench.retime([key for key in wanted if key in known])
        else:
            bench.run()
    print(markdown(book))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", default="resnet20-cifar10")
    parser.add_argument("--output", default="methods.json")
    parser.add_argument("--targets", default="0.5,0.3,0.15,0.1")
    parser.add_argument("--variants", default=";".join(VARIANTS), help="split by ;")
    parser.add_argument("--images", type=int, default=2000, help="test images")
    parser.add_argument("--tune-images", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="only print the file")
    parser.add_argument("--retime", nargs="?", const="all", help="all or disturbed")
    return parser.parse_args()


class Bench:
    """The run: what all cells share, and the three passes."""

    def __init__(
        self, options: argparse.Namespace, book: dict[str, Any], path: Path
    ) -> None:
        self.options, self.book, self.path = options, book, path
        self.network = wb.load_model(options.network)
        self.train = wb.dataset_for(self.network, split="train")
        self.test = wb.dataset_for(self.network, split="test").take(options.images)
        self.program: Any = None
        costs = wb.layer_costs(self.network)
        facts = {
            "network": self.network.name,
            "digest": self.network.digest,
            "images": len(self.test),
            "seed": options.seed,
            "dense_macs": costs.dense_macs,
            "dense_bytes": costs.dense_bytes,
        }
        self.tuning = {
            "images": options.tune_images,
            "epochs": options.epochs,
            "lr": options.lr,
        }
        self.bases = Bases(
            self.network,
            self.train,
            folder=path.with_suffix(".weights"),
            settings=self.tuning,
            seed=options.seed,
        )
        known = book.setdefault("run", facts)
        if {key: known.get(key) for key in facts} != facts:
            raise SystemExit(f"{path} is of another run: {known}; give --output NEW")
        if "dense" not in book:
            book["dense"] = accuracy(wb.evaluate(self.network, self.test))

    def key(self, name: str, target: float) -> str:
        return f"{target:g} {name}"

    def run(self) -> None:
        """All three passes over the cells asked for; what the file has stays."""
        asked = self.asked()
        names = self.options.variants.split(";")
        for name, target in asked:
            self.measure_cell(name, target)
        if self.options.epochs:
            for name, target in sorted(asked, key=lambda one: names.index(one[0])):
                self.tune_cell(name, target)
        if self.options.seconds:
            self.retime(untimed(self.book))

    def asked(self) -> list[tuple[str, float]]:
        """Return the variants and targets of the options, target by target."""
        targets = [float(one) for one in self.options.targets.split(",")]
        names = self.options.variants.split(";")
        return [(name, target) for target in targets for name in names]

    def measure_cell(self, name: str, target: float) -> None:
        """Raw and BN accuracy and bytes; skipped if the file has the cell."""
        if self.key(name, target) in self.book["cells"]:
            return
        start = perf_counter()
        method = VARIANTS[name][0]
        found = self.bases.at(VARIANTS[name], target, BASES.get(name))
        cell: dict[str, Any] = {
            "variant": name,
            "target": target,
            "share": found.share,
            "recipe": found.recipe.dump(),
            "least": found.least,
        }
        if abs(found.share - target) <= NEAR:
            fixed = wb.reestimate_bn(found.pruned, self.train, seed=self.options.seed)
            cell |= counts(found.pruned)
            costs = wb.layer_costs(smallest(found.pruned, method))
            cell["bytes"] = min(costs.sparse_bytes, costs.dense_bytes)
            cell["raw"] = accuracy(wb.evaluate(found.pruned, self.test))
            cell["bn"] = accuracy(wb.evaluate(fixed, self.test))
        self.save(self.key(name, target), cell, perf_counter() - start)

    def timed(self, pruned: Any, method: str) -> dict[str, Any]:
        """Executed MACs and ms of the pruned program beside the dense one."""
        self.program = self.program or wb.compile(self.network)
        small = smallest(pruned, method)
        program = wb.compile(small)
        lanes = [
            Contender("dense", "workbench", subject_of(self.network), self.dense),
            Contender(
                "pruned",
                "workbench",
                subject_of(small),
                lambda _setup: FunctionRunner(program),
            ),
        ]
        settings = Settings(budget_s=self.options.seconds)
        found = measure_contenders(lanes, threads=1, rounds=ROUNDS, settings=settings)
        rows = {row["name"]: row for row in found.to_dict(baseline="dense")["rows"]}
        self.book["conditions"] = found.conditions.to_dict()
        return {
            "executed_macs": sum(step.executed_macs for step in program.steps),
            "dense_ms": rows["dense"]["median_ms"],
            "time": rows["pruned"],
            "warning": found.warning,
        }

    def retime(self, keys: list[str]) -> None:
        """Time these cells, those without any setting left out."""
        for key in keys:
            if "raw" not in self.book["cells"][key]:
                continue
            start = perf_counter()
            cell = self.book["cells"][key]
            cell |= self.timed(self.pruned(cell), VARIANTS[cell["variant"]][0])
            self.save(key, cell, perf_counter() - start)

    def pruned(self, cell: dict[str, Any]) -> wb.PrunedNetwork:
        """Return the network of a cell again."""
        base = BASES.get(cell["variant"])
        return self.bases.pruned(cell["recipe"], cell["target"], base)

    def dense(self, _setup: Any) -> FunctionRunner:
        return FunctionRunner(self.program)

    def tune_cell(self, name: str, target: float) -> None:
        """Fine-tuned accuracy; skipped if the file has it for these settings."""
        cell = self.book["cells"][self.key(name, target)]
        asked = self.tuning
        if "raw" not in cell or cell.get("tuning") == asked:
            return
        start = perf_counter()
        pruned = wb.reestimate_bn(self.pruned(cell), self.train, seed=self.options.seed)
        tuned = wb.finetune(
            pruned,
            self.train.take(asked["images"]),
            epochs=asked["epochs"],
            lr=asked["lr"],
            seed=self.options.seed,
            bn_images=2000,
        )
        cell["tuned"] = accuracy(wb.evaluate(tuned, self.test))
        cell["tuning"] = asked
        self.save(self.key(name, target), cell, perf_counter() - start)

    def save(self, key: str, cell: dict[str, Any], seconds: float) -> None:
        cell["seconds"] = cell.get("seconds", 0) + seconds
        self.book["cells"][key] = cell
        beside = self.path.with_name(self.path.name + ".part")
        beside.write_text(json.dumps(self.book, indent=1, allow_nan=False))
        beside.replace(self.path)
        shown = {k: cell[k]["top1"] for k in ("raw", "bn", "tuned") if k in cell}
        print(f"{key}: {cell['share']:.3f} {shown} {seconds:.0f} s", flush=True)


def smallest(pruned: Any, method: str) -> Any:
    return wb.shrink(pruned) if method in SHRINKING else pruned


def accuracy(found: Any) -> dict[str, Any]:
    return {"top1": found.top1, "interval": list(found.interval), "n": found.n}


def counts(pruned: Any) -> dict[str, Any]:
    report = pruned.report
    return {
        "weights_removed": report.zeros,
        "kernels_removed": report.kernels_removed,
        "filters_removed": report.filters_removed,
        "sparsity": report.sparsity,
    }


if __name__ == "__main__":
    main()
