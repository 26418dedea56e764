"""DeepSparse: loads an ONNX file for a number of cores, one stream."""

from collections.abc import Callable
from importlib import metadata
from typing import Any


def load(model: str, threads: int, batch: int) -> Callable[[Any], object]:
    """Return a function from a batch to the output."""
    from deepsparse import Engine

    engine = Engine(model, batch_size=batch, num_cores=threads)

    def call(x: Any) -> object:
        return engine.run([x])[0]

    return call


def version() -> str:
    """Return the version of DeepSparse."""
    return metadata.version("deepsparse")
