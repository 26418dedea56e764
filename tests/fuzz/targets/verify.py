"""`verify` on every format, with the network that the file was made of and without."""

from functools import cache
from pathlib import Path
from random import Random

from tests.fuzz.mutations import damage
from tests.fuzz.targets import onnx, pt, recipe, safetensors, wbz
from tests.support.small_networks import exported, small_pruned
from workbench.errors import WorkbenchError
from workbench.export.seal import BLANK, MARK, seal
from workbench.export.verify import verify

SUFFIX = ".bin"
_NAMES = ("safetensors", "pt", "pt-masked", "wbz", "recipe", "onnx")
_MUTATE = (safetensors, pt, pt, wbz, recipe, onnx)
_SUFFIXES = (".safetensors", ".pt", ".pt", ".wbz", ".yaml", ".onnx")


@cache
def seeds() -> tuple[bytes, ...]:
    # The first byte says which; no format's own suffix fits all.
    return tuple(bytes([number]) + exported(name) for number, name in enumerate(_NAMES))


def mutate(rng: Random, data: bytes) -> bytes:
    kind, data = data[0] % len(_NAMES), data[1:]
    change = _MUTATE[kind].mutate if rng.random() < 0.7 else damage
    data = change(rng, data)
    return bytes([kind]) + (_resealed(data) if rng.random() < 0.8 else data)


def _resealed(data: bytes) -> bytes:
    at = data.find(MARK)
    if at < 0 or len(data) < at + len(BLANK):
        return data
    blank = data[:at] + BLANK.encode() + data[at + len(BLANK) :]
    try:
        return seal(blank)
    except WorkbenchError:
        return data


def read(path: Path) -> object:
    data = path.read_bytes()
    named = path.with_suffix(_SUFFIXES[data[0] % len(_NAMES)])
    named.write_bytes(data[1:])
    found = verify(named), verify(named, small_pruned())
    for one in found:
        one.require()
    return found
