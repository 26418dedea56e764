"""Crossovers of convolution algorithms by kernel size, channels and plane.

    python -m benchmarks.algorithms              # minutes on one core
    python -m benchmarks.algorithms --quick      # fewer shapes

Every shape is measured once and kept in the workspace (``WORKBENCH_HOME``, else
``.workbench``) as ``algorithms.json``; a second run measures what is missing, and
``--again`` everything. The lessons read that file. Weights are prepared beforehand,
data goes in and comes out as NCHW, one image, one thread.
"""

import argparse
import json
import os
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch

import workbench as wb
from workbench.analysis.algorithms.comparison import AlgorithmRow, ConvShape
from workbench.analysis.algorithms.race import race
from workbench.analysis.algorithms.strassen import strassen
from workbench.measure.conditions import read_conditions

FILE = "algorithms.json"
FAMILIES = ("direct", "columns", "winograd", "fft", "strassen")

BY_KERNEL = tuple(ConvShape(64, 64, 28, size) for size in (1, 3, 5, 7, 9, 11, 15, 21))
BY_PLANE = tuple(ConvShape(64, 64, side) for side in (7, 14, 28, 56, 112))
BY_CHANNELS = tuple(ConvShape(c, c, 28) for c in (16, 32, 64, 128, 256, 512))
TABLES = {
    "kernel size (64 channels, 28 x 28)": BY_KERNEL,
    "plane (64 channels, 3 x 3)": BY_PLANE,
    "channels (28 x 28, 3 x 3)": BY_CHANNELS,
    "products for Strassen (1 x 1)": (
        ConvShape(512, 512, 23, 1),
        ConvShape(1024, 1024, 32, 1),
    ),
}
QUICK = 3
PRODUCT_SIDES = (256, 512, 1024, 2048, 3072)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="a shape")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    home = Path(os.environ.get("WORKBENCH_HOME") or ".workbench")
    home.mkdir(parents=True, exist_ok=True)
    path = home / FILE
    known = {} if options.again or not path.exists() else json.loads(path.read_text())
    known["machine"] = read_conditions(threads=1).to_dict()
    rows = known.setdefault("shapes", {})
    print(f"{known['machine']['cpu']}, one thread, NCHW in and out")
    for title, shapes in TABLES.items():
        print(f"\nby {title}, median ms of the best of each family\n")
        print("| shape | " + " | ".join(FAMILIES) + " | fastest | largest error |")
        print("|---" * (len(FAMILIES) + 3) + "|", flush=True)
        for shape in shapes[:QUICK] if options.quick else shapes:
            key = json.dumps(asdict(shape), sort_keys=True)
            if key not in rows:
                found = wb.measure_algorithms(shape, seconds=options.seconds)
                rows[key] = [asdict(row) for row in found]
                save(path, known)
            print_row(shape, [AlgorithmRow(**row) for row in rows[key]])
    print_layouts(known, path, options.seconds)
    print_products(known, path, options)


def save(path: Path, content: object) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_text(json.dumps(content, indent=1))
    beside.replace(path)


def print_row(shape: ConvShape, rows: list[AlgorithmRow]) -> None:
    cells = []
    for family in FAMILIES:
        timed = [r for r in rows if r.family == family and r.ms is not None]
        best = min(timed, key=lambda row: row.ms, default=None)
        cells.append("-" if best is None else f"{best.ms:.3f} ({best.algorithm})")
    name = f"{shape.inputs}-{shape.outputs} {shape.side}x{shape.side} k{shape.size}"
    worst = max(row.error for row in rows)
    print(f"| {name} | {' | '.join(cells)} | {rows[0].algorithm} | {worst:.1e} |")


def print_layouts(known: dict, path: Path, seconds: float) -> None:
    print("\nthe same layer in each layout, median ms (p10-p90)\n")
    for shape in (ConvShape(64, 64, 56), ConvShape(256, 256, 14)):
        key = "layouts " + json.dumps(asdict(shape), sort_keys=True)
        if key not in known:
            found = wb.measure_layouts(shape, seconds=seconds)
            known[key] = [asdict(row) for row in found]
            save(path, known)
        print(f"{shape.inputs} channels, {shape.side} x {shape.side}:")
        for row in known[key]:
            print(
                f"  {row['engine']:6s} {row['layout']:8s} {row['ms']:.3f} "
                f"({row['p10_ms']:.3f}-{row['p90_ms']:.3f}), n {row['n']}"
            )


def print_products(known: dict, path: Path, options: argparse.Namespace) -> None:
    print("\nsquare products, median ms: BLAS, and Strassen by levels\n")
    print("| side | BLAS | 1 level | 2 levels | 3 levels |\n|---|---|---|---|---|")
    for side in PRODUCT_SIDES[:QUICK] if options.quick else PRODUCT_SIDES:
        key = f"product {side}"
        if key not in known:
            random = np.random.default_rng(0)
            a, b = random.standard_normal((2, side, side)).astype(np.float32)
            runs = {
                str(levels): partial(strassen, a, b, levels=levels)
                for levels in (0, 1, 2, 3)
            }
            times = race(runs, seconds=options.seconds)
            known[key] = {levels: asdict(one) for levels, one in times.items()}
            save(path, known)
        cells = (f"{known[key][str(levels)]['ms']:.2f}" for levels in range(4))
        print(f"| {side} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
