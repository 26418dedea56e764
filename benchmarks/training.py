"""Training after pruning: schedules of sparsity and distillation at equal sparsity.

    python -m benchmarks.training [--network resnet20-cifar10] [--epochs 3]
        [--images 20000] [--recipes magnitude:0.95,pconv:0.889] [--out FILE.json]

Every row spends the same epochs on the same images from the same dense network, with
the same seed. Raw and BN are the accuracy of the one-shot cut, before any training and
with batch norms estimated again; tuned is what the row's schedule reached. All are
top-1 on the test split, which nothing else looks at. A row that is finished is kept in
the JSON file, a row that was interrupted continues from its last epoch.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

import workbench as wb
from workbench.measure.conditions import cpu_model
from workbench.training.finetune import tune
from workbench.training.loop.fit import FitHooks
from workbench.training.loop.options import EpochLog

# name, settings of wb.finetune
ROWS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("one-shot", {}),
    ("one-shot, distilled", {"distill": 0.7}),
    ("iterative, 3 rounds", {"schedule": "iterative", "rounds": 3}),
    ("gradual", {"schedule": "gradual"}),
    ("gradual, distilled", {"schedule": "gradual", "distill": 0.7}),
    ("ADMM", {"schedule": "admm"}),
    ("ADMM, distilled", {"schedule": "admm", "distill": 0.7}),
)
SHARED = {"lr": 0.05, "rates": "one-cycle", "precision": "bf16", "channels_last": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="resnet20-cifar10")
    parser.add_argument("--recipes", default="magnitude:0.95,pconv:0.889")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--test-images", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", help="where the dataset lies")
    parser.add_argument("--rows", help="comma-separated numbers of rows, from 1")
    parser.add_argument("--out", type=Path, default=Path("training-benchmark.json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    shown = {
        "network": options.network,
        "epochs": options.epochs,
        "images": options.images,
        "test_images": options.test_images,
        "seed": options.seed,
    }
    results = load(options.out, shown)
    network = wb.load_model(options.network)
    train = wb.dataset_for(network, split="train", root=options.data)
    test = wb.dataset_for(network, split="test", root=options.data)
    train, test = train.take(options.images), test.take(options.test_images)
    if "dense" not in results:
        results["dense"] = wb.evaluate(network, test).top1
    chosen = range(1, len(ROWS) + 1)
    if options.rows:
        chosen = [int(number) for number in options.rows.split(",")]
    for text in options.recipes.split(","):
        method, _, sparsity = text.partition(":")
        pruned = wb.prune(network, wb.Recipe.uniform(method, float(sparsity)))
        for number in chosen:
            name, settings = ROWS[number - 1]
            key = f"{text} {name}"
            if key in results["rows"]:
                continue
            checkpoint = options.out.with_suffix(f".{text.replace(':', '-')}.{number}")
            results["rows"][key] = run(
                pruned,
                (train, test),
                {**SHARED, **settings, "epochs": options.epochs, "seed": options.seed},
                checkpoint=checkpoint,
                title=key,
            )
            save(options.out, results)
            checkpoint.unlink()
    print_table(results, options.threads)


def run(
    pruned: wb.PrunedNetwork,
    splits: tuple[wb.Dataset, wb.Dataset],
    settings: dict[str, Any],
    *,
    checkpoint: Path,
    title: str,
) -> dict[str, Any]:
    """Return one row's figures."""
    train, test = splits

    def show(log: EpochLog) -> None:
        now = time.strftime("%H:%M:%S")
        print(f"{now} {title}: epoch {log.epoch} {log.text}", flush=True)

    result = tune(
        pruned,
        train,
        checkpoint=checkpoint,
        hooks=FitHooks(after_epoch=show),
        **settings,
    )
    tuned = wb.evaluate(result.network, test)
    return {
        "sparsity": result.network.report.sparsity,
        "macs": wb.layer_costs(result.network).macs,
        "raw": wb.evaluate(pruned, test).top1,
        "bn": wb.evaluate(wb.reestimate_bn(pruned, train), test).top1,
        "tuned": tuned.top1,
        "interval": tuned.interval,
        "minutes": sum(log.seconds for log in result.history) / 60,
        "digest": result.network.digest,
    }


def load(path: Path, shown: dict[str, Any]) -> dict[str, Any]:
    """Return earlier results of the same options, or an empty table."""
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found["options"] == shown:
            return found
        raise SystemExit(f"{path} holds results of other options: {found['options']}")
    return {"options": shown, "rows": {}}


def save(path: Path, results: dict[str, Any]) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def print_table(results: dict[str, Any], threads: int) -> None:
    shown = results["options"]
    print(
        f"\n{shown['network']}, {shown['epochs']} epochs of {shown['images']} training "
        f"images, seed {shown['seed']}, lr {SHARED['lr']} one-cycle, bf16; top-1 on "
        f"{shown['test_images']} test images; dense {100 * results['dense']:.2f} %"
    )
    print(f"{cpu_model()}, {threads} thread(s), torch {torch.__version__}\n")
    print(
        "| recipe | training | sparsity | MACs (M) | raw % | BN % | tuned % "
        "| 95 % interval | minutes |"
    )
    print("|---" * 9 + "|")
    for key, row in results["rows"].items():
        recipe, _, name = key.partition(" ")
        low, high = row["interval"]
        print(
            f"| {recipe} | {name} | {row['sparsity']:.3f} | {row['macs'] / 1e6:.2f} "
            f"| {100 * row['raw']:.2f} | {100 * row['bn']:.2f} "
            f"| {100 * row['tuned']:.2f} | {100 * low:.2f} - {100 * high:.2f} "
            f"| {row['minutes']:.1f} |"
        )


if __name__ == "__main__":
    main()
