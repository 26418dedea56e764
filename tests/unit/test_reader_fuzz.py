"""Files with random bits flipped, or cut: every reader refuses them or reads them.

Foreign files have no seal, so their readers meet the damage themselves. Whatever comes
out of a reader other than a `WorkbenchError` fails here, and so does memory out of all
proportion to the file.
"""

import io
import random
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import save
from small_networks import exported, small_network

from workbench.capture.onnx_import import import_onnx
from workbench.compression.wbz import read_wbz
from workbench.engine.program import Program
from workbench.errors import WorkbenchError
from workbench.models.weights_file import read_weights

SEED = 11
CASES = 150
HEAD = 2048
"""Half of the flips hit the first bytes: that is where sizes and names are."""

MOST_GROWTH_BYTES = 256 << 20
"""The files have some ten kilobytes; torch and onnx load code of their own."""


def unsealed(name: str) -> bytes:
    """Return a file as other programs write it."""
    state = {k: v.clone() for k, v in small_network().module.state_dict().items()}
    if name == "safetensors":
        return bytes(save(state))
    if name == "pt":
        room = io.BytesIO()
        torch.save(state, room)
        return room.getvalue()
    return exported(name)


READERS: dict[str, Callable[[Path], object]] = {
    "wbp": Program.load,
    "wbz": read_wbz,
    "onnx": import_onnx,
    "safetensors": read_weights,
    "pt": read_weights,
}


def damaged(data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.3:
        return data[: rng.randrange(len(data))]
    flipped = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        end = min(HEAD, len(data)) if rng.random() < 0.5 else len(data)
        flipped[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return bytes(flipped)


@pytest.mark.parametrize("name", list(READERS))
def test_damaged_files_raise_nothing_but_workbench_errors(
    name: str, tmp_path: Path
) -> None:
    data, rng = unsealed(name), random.Random(SEED)
    path = tmp_path / f"net.{name}"
    path.write_bytes(data)
    READERS[name](path)
    before, refused = psutil.Process().memory_info().rss, 0
    for number in range(CASES):
        path.write_bytes(damaged(data, rng))
        try:
            READERS[name](path)
        except WorkbenchError:
            refused += 1
        except BaseException as error:
            error.add_note(f"rerun: case {number} of {name}, seed {SEED}")
            raise
    assert psutil.Process().memory_info().rss - before < MOST_GROWTH_BYTES
    # Digests see everything; without them only the structure can be wrong.
    assert refused == CASES if name in ("wbp", "wbz") else refused > CASES // 4
