"""Who decides how much each layer loses: a share a layer, one threshold, or s x sigma.

    python -m benchmarks.scopes [--network resnet20-cifar10] [--targets 0.5,0.3,0.15]
        [--images 2000] [--seed 0]

Magnitude with a share per layer, magnitude with one global threshold, the sensitivity
pruner (one s for all layers), and filters in both scopes, at equal theoretical MACs and
without training: top-1 raw and with batch norms estimated again, and the layer that
keeps least. Below, what each layer keeps at the last target.
"""

import argparse
from typing import Any

import torch

import workbench as wb
from workbench.analysis.cost.equal_macs import AtMacs, at_macs

ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "magnitude, per layer": ("magnitude", {}),
    "magnitude, global": ("magnitude", {"scope": "global"}),
    "sensitivity, s sigma": ("sensitivity", {}),
    "filter, per layer": ("filter", {}),
    "filter, global": ("filter", {"scope": "global"}),
}
COLUMNS = ("MACs", "method", "raw %", "BN %", "sparsity %", "keeps least")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="resnet20-cifar10")
    parser.add_argument("--targets", default="0.5,0.3,0.15")
    parser.add_argument("--images", type=int, default=2000, help="test images")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = wb.load_model(options.network)
    train = wb.dataset_for(network, split="train")
    test = wb.dataset_for(network, split="test").take(options.images)
    dense = wb.evaluate(network, test)
    print(
        f"{network.name}, seed {options.seed}, {len(test)} test images, not trained; "
        f"dense {100 * dense.top1:.2f} %\n"
    )
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---" * len(COLUMNS) + "|")
    found: dict[str, AtMacs] = {}
    for target in map(float, options.targets.split(",")):
        for name, (method, params) in ROWS.items():
            found[name] = at_macs(
                network, method, target, seed=options.seed, params=params
            )
            print_row(name, found[name], train, test)
    print_layers(found)


def print_row(name: str, found: AtMacs, train: wb.Dataset, test: wb.Dataset) -> None:
    raw = wb.evaluate(found.pruned, test).top1
    fixed = wb.evaluate(wb.reestimate_bn(found.pruned, train), test).top1
    report = found.pruned.report
    least = max(report.layers, key=lambda row: row.sparsity)
    cells = (
        f"{100 * found.share:.1f} %",
        name,
        f"{100 * raw:.2f}",
        f"{100 * fixed:.2f}",
        f"{100 * report.sparsity:.1f}",
        f"{least.id}: {100 * (1 - least.sparsity):.1f} %",
    )
    print("| " + " | ".join(cells) + " |", flush=True)


def print_layers(found: dict[str, AtMacs]) -> None:
    print("\nweights that each layer keeps at the last target, %\n")
    print("| layer | weights | " + " | ".join(found) + " |")
    print("|---" * (len(found) + 2) + "|")
    reports = [one.pruned.report for one in found.values()]
    for rows in zip(*(report.layers for report in reports), strict=True):
        kept = " | ".join(f"{100 * (1 - row.sparsity):.1f}" for row in rows)
        print(f"| {rows[0].id} | {rows[0].weights:,} | {kept} |")


if __name__ == "__main__":
    main()
