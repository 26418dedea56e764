"""Random small networks equal torch in float64: `random_graphs` says which."""

import os

import numpy as np
import pytest

from tests.engine.random_graphs import Draw, program_of, torch_results
from workbench.kernels import forced_isa, info

SEED = 20261203
COUNT = 300 if os.environ.get("CI") else 30
BATCH = 7
TOLERANCE = 1e-4
"""Of the largest result: float32 sums through up to nine layers."""


@pytest.mark.parametrize("isa", info().available)
def test_equal_torch(isa: str) -> None:
    compared = 0
    with forced_isa(isa):
        for number in range(COUNT):
            rng = np.random.default_rng((SEED, number))
            graph = Draw(rng).graph
            x = rng.standard_normal((BATCH, *graph.nodes[0].shape), dtype=np.float32)
            wanted = torch_results(graph, x)
            program = program_of(graph, rng, threads=int(rng.choice([1, 1, 2])))
            error = np.abs(program(x).reshape(wanted.shape) - wanted).max()
            assert error <= TOLERANCE * max(1, np.abs(wanted).max()), number
            compared += wanted.size
    assert compared > 1000 * COUNT
