"""Prefix reuse against the naive loop: the same sweep twice, cell by cell in turns.

    python -m benchmarks.sweep [--network resnet20-cifar10] [--images 2000]

The naive loop prunes each cell and evaluates the whole network, at the library's
default batch and at the sweep's own. Both answers of every cell must be equal.
"""

import argparse
from time import perf_counter

import torch

import workbench as wb
from workbench.analysis.sensitivity import Sweeper
from workbench.analysis.sensitivity_grid import grid
from workbench.analysis.sensitivity_rows import SweepRow
from workbench.measure.conditions import read_conditions

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="resnet20-cifar10")
    parser.add_argument("--data", default=None)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--levels", type=int, default=len(LEVELS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = wb.load_model(options.network)
    data = wb.dataset_for(network, split="val", root=options.data).take(options.images)
    settings = wb.SweepOptions()
    start = perf_counter()
    sweeper = Sweeper(network, data, settings)
    prepared = perf_counter() - start
    times = {"prefix reuse": prepared, "naive": 0.0, "naive, same batch": 0.0}
    cells = 0
    for curve in grid(network, ("magnitude",), LEVELS[-options.levels :]):
        for level in curve.sparsities:
            start = perf_counter()
            row = sweeper.cell(curve, level)
            times["prefix reuse"] += perf_counter() - start
            assert isinstance(row, SweepRow)
            start = perf_counter()
            wb.evaluate(wb.prune(network, curve.recipe(level)), data)
            times["naive"] += perf_counter() - start
            start = perf_counter()
            pruned = wb.prune(network, curve.recipe(level))
            whole = wb.evaluate(pruned, data, batch_size=settings.batch)
            times["naive, same batch"] += perf_counter() - start
            assert (row.top1, row.top5, row.loss) == (
                whole.top1,
                whole.top5,
                whole.loss,
            ), (row, whole)
            cells += 1
    print(f"{read_conditions(1).line}; torch {torch.__version__}\n")
    print(
        f"{options.network}: {cells} cells of {len(data)} images; every cell's top-1, "
        "top-5 and loss are equal to the last bit.\n"
    )
    print("| loop | seconds | naive / this |\n|---|---|---|")
    for name, seconds in times.items():
        print(f"| {name} | {seconds:.1f} | {times['naive'] / seconds:.2f} |")
    print(f"\nPrefix reuse includes {prepared:.1f} s of export and the dense network.")


if __name__ == "__main__":
    main()
