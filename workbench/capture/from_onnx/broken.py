"""Models whose parts do not fit each other: what reading them raises, as one error.

Belongs here: that error. Does not belong here: files that are no ONNX at all
(`onnx_import`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from workbench.capture.from_onnx.constants import OnnxError

BROKEN_MODEL_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What numpy and dictionaries say to names, types and sizes that make no sense."""


@contextmanager
def parts_that_fit() -> Iterator[None]:
    """Turn what a damaged model raises while it is read into one error.

    Raises
    ------
    OnnxError
        Nodes that name tensors which do not exist, attributes of wrong types.
    """
    try:
        yield
    except BROKEN_MODEL_ERRORS as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise OnnxError(
            f"an ONNX model whose parts do not fit ({type(error).__name__}: {reason})",
            "nodes that read tensors which exist, with attributes of their types",
            "The file is damaged or was written wrongly: export the network again.",
        ) from error
