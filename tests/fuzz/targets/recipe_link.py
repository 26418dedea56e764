"""The recipe in an address: YAML, deflated, as base64 text."""

import base64
import zlib
from functools import cache
from pathlib import Path
from random import Random

from tests.fuzz.mutations import damage
from tests.fuzz.targets import recipe
from workbench.errors import WorkbenchError
from workbench.ui.services.recipes import unpacked

SUFFIX = ".txt"


@cache
def seeds() -> tuple[bytes, ...]:
    return tuple(_linked(data) for data in recipe.seeds())


def _linked(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(zlib.compress(data, 9))


def mutate(rng: Random, data: bytes) -> bytes:
    if rng.random() < 0.2:
        return damage(rng, data)
    try:
        text = zlib.decompress(base64.urlsafe_b64decode(data))
    except (ValueError, zlib.error):
        return damage(rng, data)
    if rng.random() < 0.05:
        return _linked(text + b"#" * (4 << 20))
    if rng.random() < 0.1:
        return base64.urlsafe_b64encode(damage(rng, zlib.compress(text)))
    return _linked(recipe.mutate(rng, text))


def read(path: Path) -> object:
    found = unpacked(path.read_text(encoding="utf-8", errors="replace"))
    if found is None:
        raise WorkbenchError("a broken link", "a recipe", "Copy the whole link.")
    return found
