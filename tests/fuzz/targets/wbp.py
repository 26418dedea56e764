"""Programs of the bundled engine."""

from functools import cache
from pathlib import Path
from random import Random

from tests.fuzz.mutations import damage
from tests.unit.small_networks import exported
from workbench.engine.program import Program

SUFFIX = ".wbp"


@cache
def seeds() -> tuple[bytes, ...]:
    return (exported("wbp"),)


def mutate(rng: Random, data: bytes) -> bytes:
    return damage(rng, data)


def read(path: Path) -> object:
    return Program.load(path)
