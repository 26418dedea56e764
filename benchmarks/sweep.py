"""Prefix reuse against the naive loop: the same sweep twice, cell by cell in turns.

    python -m benchmarks.sweep [--network resnet20-cifar10] [--images 2000]

The naive loop prunes each cell and evaluates the whole network, as anyone would write
it: ``evaluate(prune(network, recipe), data)``. Its batch is the library's default
unless ``--batch`` says otherwise. Both answers of every cell must be equal to the last
bit; exits 1 if they are not, or if reuse is not ``--least`` times faster.

Times are seconds of the processor, so that other work on the machine counts for
neither loop, and of the clock beside them.
"""

import argparse
import sys
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np
import torch

import workbench as wb
from workbench.analysis.sensitivity import Sweeper
from workbench.analysis.sensitivity_grid import Curve, grid
from workbench.data.dataset import Dataset, make_dataset
from workbench.measure.conditions import read_conditions
from workbench.models.network import Network

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass
class Clock:
    """Seconds spent inside ``with``, of the processor and of the clock."""

    processor: float = 0.0
    wall: float = 0.0

    def __enter__(self) -> None:
        self._begun = process_time(), perf_counter()

    def __exit__(self, *error: object) -> None:
        self.processor += process_time() - self._begun[0]
        self.wall += perf_counter() - self._begun[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="resnet20-cifar10")
    parser.add_argument("--data", default=None)
    parser.add_argument("--made", action="store_true", help="random images instead")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--levels", type=int, default=len(LEVELS))
    parser.add_argument("--batch", type=int, default=None, help="of the naive loop")
    parser.add_argument("--least", type=float, default=0.0, help="ratio, else exit 1")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = wb.load_model(options.network)
    if options.made:
        data = _made(network, options.images)
    else:
        whole_split = wb.dataset_for(network, split="val", root=options.data)
        data = whole_split.take(options.images)
    levels = LEVELS[-options.levels :]
    curves = grid(network, ("magnitude",), levels)
    ours, naive = Clock(), Clock()
    with ours:
        sweeper = Sweeper(network, data, wb.SweepOptions())
    prepared = ours.processor
    differing = []
    for curve in curves:
        for level in levels:
            with ours:
                row = sweeper.cell(curve, level)
            with naive:
                whole = _naive(network, data, curve, (level, options.batch))
            found = tuple(getattr(row, name, None) for name in ("top1", "top5", "loss"))
            if found != (whole.top1, whole.top5, whole.loss):
                differing.append(f"{curve.subject} {level}: {found} and {whole}")
        print(f"{curve.subject}: {_ratio(ours, naive):.2f} so far", file=sys.stderr)
    print(f"{read_conditions(1).line}; torch {torch.__version__}\n")
    print(
        f"{options.network}: {len(curves) * len(levels)} cells ({len(curves)} layers x "
        f"{len(levels)} sparsities) of {len(data)} images; top-1, top-5 and loss equal "
        f"to the last bit in all but {len(differing)}.\n"
    )
    size = options.batch or "default"
    print("| loop | seconds of the processor | of the clock | naive / this |")
    print("|---|---|---|---|")
    for name, clock in (("prefix reuse", ours), (f"naive, batch {size}", naive)):
        ratio = _ratio(clock, naive)
        print(f"| {name} | {clock.processor:.1f} | {clock.wall:.1f} | {ratio:.2f} |")
    print(f"\nPrefix reuse includes {prepared:.1f} s of export and the dense network.")
    print("\n".join(differing[:5]))
    if differing or _ratio(ours, naive) < options.least:
        sys.exit(1)


def _made(network: Network, images: int) -> Dataset:
    """Return random images and labels: the work is the same, the scores are not."""
    rng = np.random.default_rng(0)
    channels = network.input_shape[0]
    return make_dataset(
        "random",
        "val",
        images=rng.integers(0, 256, (images, *network.input_shape), dtype=np.uint8),
        labels=rng.integers(0, len(network.classes), images),
        classes=network.classes,
        norm=((0.5,) * channels, (0.25,) * channels),
    )


def _naive(
    network: Network, data: Dataset, curve: Curve, how: tuple[float, int | None]
) -> wb.Accuracy:
    """Return the accuracy of one cell as a plain loop finds it."""
    level, batch = how
    pruned = wb.prune(network, curve.recipe(level))
    if batch is None:
        return wb.evaluate(pruned, data)
    return wb.evaluate(pruned, data, batch_size=batch)


def _ratio(this: Clock, naive: Clock) -> float:
    return naive.processor / this.processor


if __name__ == "__main__":
    main()
