"""Cached times: damaged ones are ignored, and the network is planned without them."""

import json
import tempfile
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import numpy as np

from tests.fuzz.mutations import damage, tree
from tests.fuzz.targets.plan_cache import CLOSE, expected, images, network
from workbench.engine.compile import compile_graph
from workbench.engine.planning.timing_cache import TimingCache
from workbench.engine.stored.sealed import read_sealed, sealed
from workbench.errors import WorkbenchError

SUFFIX = ".json"


@cache
def seeds() -> tuple[bytes, ...]:
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch("workbench.engine.tuning.measured_costs.race", _made_up),
    ):
        compile_graph(network(), budget_s=30.0, cache=Path(folder))
        (file,) = Path(folder).glob("timings-*.json")
        return (file.read_bytes(),)


def mutate(rng: Random, data: bytes) -> bytes:
    if rng.random() < 0.4:
        return damage(rng, data)
    try:
        times = json.loads(data)["data"]
        if rng.random() < 0.5:
            return sealed(tree(rng, times))
        # Other variants: a key that stands for nothing, or a time for another kernel.
        key = rng.choice(list(times))
        ms, name = times.pop(key), key.rpartition(":")[0]
        times[f"{name}:{rng.choice(['g99', 'strip4', '', 'g6-s', 'x'])}"] = ms / 10
        return sealed(times)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return damage(rng, data)


def read(path: Path) -> object:
    folder = path.parent / "cache"
    for old in folder.glob("*"):
        old.unlink()
    times = TimingCache(folder, 1)
    folder.mkdir(exist_ok=True)
    times.path.write_bytes(path.read_bytes())
    taken = read_sealed(times.path)
    try:
        result = compile_graph(network(), budget_s=0.01, cache=folder)(images())
    except WorkbenchError as error:
        raise AssertionError("a cache ended a compilation") from error
    off = float(np.abs(result - expected()).max() / np.abs(expected()).max())
    assert off <= CLOSE, f"{off:.3g} of the output off"
    if taken is None:
        raise WorkbenchError("times of nothing", "others", "Measure again.")
    return taken


def _made_up(steps: Mapping[str, Any], *_: object) -> dict[str, float]:
    """Return times that only depend on the kernels."""
    return {
        variant: 1
        + sha256(each[0].kernel.encode() + variant.encode()).digest()[0] / 256
        for variant, each in steps.items()
    }
