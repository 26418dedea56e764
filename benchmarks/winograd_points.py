"""Which points make Winograd most exact: the search behind ``standard_points``.

    python benchmarks/winograd_points.py            # a minute on one core
    python benchmarks/winograd_points.py --top 10

Random normal weights (16 filters of 64 channels), rectified normal inputs, float32
against float64; root mean square and largest error, both relative to the output.
"""

import argparse
from fractions import Fraction

from workbench.analysis.algorithms.winograd import (
    error_by_tile,
    random_weight,
    rank_points,
)

USUAL = {2: "1", 4: "1 2", 6: "1/2 1 2"}
"""What textbooks and most libraries use."""

GRIDS = {
    2: [Fraction(n, 8) for n in range(4, 17)],
    4: [Fraction(n, 8) for n in range(3, 17)],
    6: [Fraction(n, 4) for n in range(1, 11)],
}


def main() -> None:
    """Print the best points for F(2,3), F(4,3), F(6,3) and the error by tile size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--top", type=int, default=5)
    top = parser.parse_args().top
    weight = random_weight(16, 64)
    for m, grid in GRIDS.items():
        print(f"F({m},3): 0, +-p, ..., infinity")
        rows = rank_points(m, grid, weight=weight)
        for rank, row in enumerate(rows, 1):
            points = " ".join(str(p) for p in row.points[1::2])
            if rank <= top or points == USUAL[m]:
                error = row.error
                print(f"{rank:5d}  {points:14s} {error.rms:.2e} {error.largest:.2e}")
    print("our points by tile size")
    for row in error_by_tile(weight):
        print(f"F({row.m},3)  {row.error.rms:.2e} {row.error.largest:.2e}")


if __name__ == "__main__":
    main()
