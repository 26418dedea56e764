"""Random masks in the Winograd domain on every instruction set against float64.

One case alone, as a failure prints it:

    rerun: WORKBENCH_PROPERTY=SEED:NUMBER python -m pytest tests -k random_winograd
"""

import os
from collections import Counter
from dataclasses import replace

import numpy as np

from tests.kernels.cases import ISAS
from tests.kernels.test_winograd import LAYER, TOLERANCE, Case, make_case
from workbench.engine.winograd.cook_toom import cook_toom
from workbench.kernels import Activation, forced_isa

SEED = 20240301
CASES = 240
PADDINGS = ((1, 1, 1, 1), (0, 0, 0, 0), (2, 0, 1, 3))


def expected(case: Case, coords: np.ndarray) -> np.ndarray:
    """Return ``A^T [sum_c U . (B^T d B)] A`` tile by tile, all in float64."""
    m, (outputs, height, width) = case.m, case.out
    at, _, bt = cook_toom(m, 3).arrays()
    top, left, bottom, right = case.padding
    down, across = -(-height // m), -(-width // m)
    more = (down * m - height, across * m - width)
    image = np.pad(
        case.image.astype(np.float64),
        ((0, 0), (top, bottom + more[0]), (left, right + more[1])),
    )
    weights = coords.astype(np.float64).reshape(m + 2, m + 2, outputs, -1)
    result = np.empty((outputs, down * m, across * m))
    for y in range(0, down * m, m):
        for x in range(0, across * m, m):
            inside = bt @ image[:, y : y + m + 2, x : x + m + 2] @ bt.T
            sums = np.einsum("aboc,cab->oab", weights, inside)
            result[:, y : y + m, x : x + m] = at @ sums @ at.T
    result = result[:, :height, :width] + case.bias[:, None, None]
    return result if case.added is None else result + case.added


def draw(seed: int, number: int) -> tuple[Case, np.ndarray, str, bool]:
    """Return a layer, its masked coordinates, an instruction set and a kernel."""
    rng = np.random.default_rng((seed, number))
    shape = LAYER | {
        "m": int(rng.choice([2, 4, 6])),
        "inputs": int(rng.integers(1, 20)),
        "outputs": int(rng.choice([1, 7, 8, 9, 17, 33])),
        "height": int(rng.integers(1, 15)),
        "width": int(rng.integers(1, 20)),
        "padding": PADDINGS[rng.integers(len(PADDINGS))],
        "residual": bool(rng.random() < 0.3),
        "act": Activation(),
        "threads": int(rng.integers(1, 4)),
    }
    case = make_case(number, shape)
    coords = case.weights().coords
    kept = rng.random(coords.shape) < rng.choice([0.0, 0.1, 0.4, 1.0])
    masked = np.where(kept, coords, 0).astype(np.float32)
    return case, masked, str(rng.choice(ISAS)), bool(rng.random() < 0.7)


def test_random_winograd_masks_equal_float64() -> None:
    seed, _, only = os.environ.get("WORKBENCH_PROPERTY", str(SEED)).partition(":")
    seen: Counter[str] = Counter()
    for number in [int(only)] if only else range(CASES):
        case, coords, isa, sparse = draw(int(seed), number)
        weights = replace(case.weights(), coords=coords, sparse=sparse)
        wanted = expected(case, coords)
        with forced_isa(isa):
            result = case.run(case.step(weights))
        # Masks keep the large terms that cancel in the whole sum: scale by all of them.
        limit = 10 * TOLERANCE[case.m] * max(1.0, float(np.abs(wanted).max()))
        error = float(np.abs(result - wanted).max())
        assert error <= limit, (
            f"{error} > {limit}; rerun: WORKBENCH_PROPERTY={seed}:{number} "
            "-k random_winograd"
        )
        seen.update((isa, f"m={case.m}", f"{case.threads} threads", f"sparse {sparse}"))
    if not only:
        names = [*ISAS, *(f"m={m}" for m in (2, 4, 6)), "sparse True", "sparse False"]
        names += [f"{count} threads" for count in (1, 2, 3)]
        assert all(seen[name] > CASES // 10 for name in names)
