"""The readers that are fed. Adding one = one file here and one line in the table.

A target is a module with

* ``SUFFIX``: of the file that ``read`` is given;
* ``seeds()``: small valid files as bytes, the same each time;
* ``mutate(rng, data)``: a seed changed in its structure: decoded, its fields changed,
  seals and checksums made again. What has no structure of its own uses
  ``mutations.damage``;
* ``read(path)``: the reader. It may assert what must hold of a file that was read.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Protocol, cast


class Target(Protocol):
    """What a module of this folder offers."""

    SUFFIX: str

    def seeds(self) -> Sequence[bytes]: ...

    def mutate(self, rng: Random, data: bytes) -> bytes: ...

    def read(self, path: Path) -> object: ...


TARGETS: tuple[str, ...] = (
    "checkpoint",
    "cifar_archive",
    "cifar_binary",
    "image_folder",
    "npz",
    "onnx",
    "plan_cache",
    "parquet",
    "pt",
    "recipe",
    "recipe_link",
    "safetensors",
    "timing_cache",
    "sweep_csv",
    "verify",
    "wbp",
    "wbz",
)


def target_named(name: str) -> Target:
    """Return a target; only its own module and what that needs are imported."""
    return cast(Target, import_module(f"{__name__}.{name}"))
