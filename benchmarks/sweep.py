"""Prefix reuse against the naive loop: the same sweep twice, cell by cell in turns.

    python -m benchmarks.sweep [--network resnet20-cifar10] [--images 2000]
    python -m benchmarks.sweep --workers 2

The naive loop prunes each cell and evaluates the whole network, as anyone would write
it: ``evaluate(prune(network, recipe), data)``, in batches of 256 images unless
``--batch`` says otherwise (``evaluate`` by itself takes 32, which is faster). Both
answers of every cell must be equal to the last bit; exits 1 if they are not, or if
reuse is not ``--least`` times faster.

Times are seconds of the processor, so that other work on the machine counts for
neither loop, and of the clock beside them. Both have one thread.

With ``--workers`` both may use as many cores: the naive loop by PyTorch's threads,
reuse by processes, their start included. Every second cell of the naive loop runs
before reuse and the others after; only seconds of the clock count.
"""

import argparse
import sys
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np
import torch

import workbench as wb
from workbench.analysis.sensitivity.grid import Curve
from workbench.analysis.sensitivity.rows import cell_key
from workbench.analysis.sensitivity.sweeper import evaluate_dense
from workbench.data.dataset import Dataset, make_dataset
from workbench.jobs.job import Job
from workbench.measure.conditions import read_conditions
from workbench.models.network import Network
from workbench.workflows.sweep.order import SweepOrder
from workbench.workflows.sweep.process_executor import ProcessExecutor
from workbench.workflows.sweep.run import run_sweep

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
    parser.add_argument("--batch", type=int, default=256, help="of the naive loop")
    parser.add_argument("--workers", type=int, default=1, help="cores of each loop")
    parser.add_argument("--least", type=float, default=0.0, help="ratio, else exit 1")
    options = parser.parse_args()
    torch.set_num_threads(options.workers)
    network = wb.load_model(options.network)
    if options.made:
        data = _made(network, options.images)
    else:
        whole_split = wb.dataset_for(network, split="val", root=options.data)
        data = whole_split.take(options.images)
    levels = LEVELS[-options.levels :]
    order = SweepOrder(network, data, ("magnitude",), levels)
    ours, naive = Clock(), Clock()
    compare = _in_turns if options.workers == 1 else _one_after_the_other
    differing = compare(order, (ours, naive), options)
    names = ("prefix reuse", f"naive, batch {options.batch}")
    ratio = _ratio(ours, naive, options)
    print(f"\n{read_conditions(options.workers).line}; torch {torch.__version__}\n")
    print(
        f"{options.network}: {len(order.curves) * len(levels)} cells "
        f"({len(order.curves)} layers x {len(levels)} sparsities) of {len(data)} images"
        f"; top-1, top-5 and loss equal to the last bit in all but {len(differing)}.\n"
    )
    print("| loop | seconds of the processor | of the clock | naive / this |")
    print("|---|---|---|---|")
    for name, clock, gain in zip(names, (ours, naive), (ratio, 1.0), strict=True):
        spent = f"{clock.processor:.1f}" if options.workers == 1 else "-"
        print(f"| {name} | {spent} | {clock.wall:.1f} | {gain:.2f} |")
    print("\n".join(differing[:5]))
    if differing or ratio < options.least:
        sys.exit(1)


def _in_turns(
    order: SweepOrder, clocks: tuple[Clock, Clock], options: argparse.Namespace
) -> list[str]:
    """Answer cell by cell on one core; return the cells that differ."""
    ours, naive = clocks
    with ours:
        sweeper = evaluate_dense(order.network, order.data, order.options)
    prepared = ours.processor
    differing = []
    for curve in order.curves:
        for level in curve.sparsities:
            with ours:
                row = sweeper.cell(curve, level)
            with naive:
                whole = _naive(order, curve, level, options.batch)
            differing += _difference(row, whole)
        so_far = _ratio(ours, naive, options)
        print(f"{curve.subject}: {so_far:.2f} so far", file=sys.stderr)
    print(f"Prefix reuse includes {prepared:.1f} s of export and the dense network.")
    return differing


def _one_after_the_other(
    order: SweepOrder, clocks: tuple[Clock, Clock], options: argparse.Namespace
) -> list[str]:
    """Answer all cells by several processes, between the halves of the naive loop."""
    ours, naive = clocks
    cells = [(curve, level) for curve in order.curves for level in curve.sparsities]
    wholes: dict[str, wb.Accuracy] = {}

    def half(first: int) -> None:
        for curve, level in cells[first::2]:
            with naive:
                whole = _naive(order, curve, level, options.batch)
            wholes[cell_key(curve.subject, curve.method, level)] = whole

    half(0)
    with ours:
        sweep = run_sweep(
            Job("sweep", {}), order, executor=ProcessExecutor(options.workers)
        )
    half(1)
    rows = {row.key: row for row in sweep.rows}
    return [
        line
        for key, whole in wholes.items()
        for line in _difference(rows.get(key), whole)
    ]


def _difference(row: object, whole: wb.Accuracy) -> list[str]:
    """Return nothing, or a line that says how two answers differ."""
    found = tuple(getattr(row, name, None) for name in ("top1", "top5", "loss"))
    if found == (whole.top1, whole.top5, whole.loss):
        return []
    return [f"{getattr(row, 'key', row)}: {found} and {whole}"]


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


def _naive(order: SweepOrder, curve: Curve, level: float, batch: int) -> wb.Accuracy:
    """Return the accuracy of one cell as a plain loop finds it."""
    pruned = wb.prune(order.network, curve.recipe(level))
    return wb.evaluate(pruned, order.data, batch_size=batch)


def _ratio(this: Clock, naive: Clock, options: argparse.Namespace) -> float:
    if options.workers == 1:
        return naive.processor / this.processor
    return naive.wall / this.wall


if __name__ == "__main__":
    main()
