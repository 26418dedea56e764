"""Programs of the bundled engine: whatever loads also runs.

Where only the plan was changed, the result must be what the network computes.
"""

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from tests.engine.nets import make
from tests.fuzz.programs import forged, take_apart
from tests.support.small_networks import exported
from workbench.capture.compile import compile as compile_network
from workbench.engine.planning.plan import Band
from workbench.engine.program import Program

SUFFIX = ".wbp"

NETWORKS = ("resnet", "mobilenet", "branches", "odd_windows", "vgg")

MOST_BYTES = 64 << 20
"""Activations that a program may take here: the networks need less than 1 MiB."""

MOST_RUN_FLOATS = 1 << 20
"""Larger programs are loaded, not run: a forged network may work for minutes."""

CLOSE = 2e-4
"""Of the largest output: Winograd kernels round more than others."""


@cache
def seeds() -> tuple[bytes, ...]:
    found = [exported("wbp")]
    for name in NETWORKS:
        program = compile_network(
            make(name, 0.7)[0], example=make(name)[1], tune="model"
        )
        found.append(_saved(program))
        names = [node.id for node in program.graph]
        bands = (Band(names[0], names[2], 4),)
        program.plan = replace(program.plan, bands=bands, threads=2, used=2)
        found.append(_saved(program))
    return tuple(found)


def mutate(rng: Random, data: bytes) -> bytes:
    return forged(rng, data)


def read(path: Path) -> object:
    program = Program.load(path, most_bytes=MOST_BYTES)
    if program.arena_bytes > 4 * MOST_RUN_FLOATS:
        return program
    result = program(_images(program.input_shape))
    parts = take_apart(path.read_bytes())
    expected = _expected().get(parts.network) if parts is not None else None
    if expected is not None:
        largest = float(np.abs(expected).max())
        off = float(np.abs(result - expected).max())
        assert off <= CLOSE * largest, f"{off:.3g} of {largest:.3g} off"
    return program


def _saved(program: Program) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.wbp"
        program.save(path)
        return path.read_bytes()


@cache
def _expected() -> dict[str, np.ndarray]:
    """Return the result of each seed, by what is not its plan."""
    found = {}
    for data in seeds():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "net.wbp"
            path.write_bytes(data)
            program = Program.load(path)
        parts = take_apart(data)
        assert parts is not None
        result = program(_images(program.input_shape))
        found.setdefault(parts.network, result)
    return found


def _images(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((2, *shape), dtype=np.float32)
