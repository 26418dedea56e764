"""ONNX models of other programs."""

from functools import cache
from pathlib import Path
from random import Random

from tests.fuzz.mutations import damage
from tests.unit.small_networks import exported
from workbench.capture.onnx_import import import_onnx

SUFFIX = ".onnx"


@cache
def seeds() -> tuple[bytes, ...]:
    return (exported("onnx"),)


def mutate(rng: Random, data: bytes) -> bytes:
    return damage(rng, data)


def read(path: Path) -> object:
    return import_onnx(path)
