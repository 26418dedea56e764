"""Factories of the fully connected steps: dense and sparse matrix times vector.

Belongs here: the public, checking face. Does not belong here: arithmetic.
"""

import numpy as np

from workbench.kernels.backend import make_step
from workbench.kernels.reference import conv as reference
from workbench.kernels.values import checks
from workbench.kernels.values.specs import LinearDense, LinearSparse
from workbench.kernels.values.types import F32, I32, Activation, Step


def linear_dense(
    *, weights: F32, bias: F32, src: int, dst: int, act: Activation
) -> Step:
    """Return a step that computes ``act(weights @ x + bias)``.

    Parameters
    ----------
    weights : array of float32, shape (O, I)
    bias : array of float32, shape (O,)
    src, dst : int
        Arena offsets, in floats, of I and O contiguous floats.
    act : Activation

    Raises
    ------
    KernelError
        When a type or shape does not hold.
    """
    checks.array("weights", weights, np.float32, 2)
    check_ends(weights.shape[0], weights.shape[1], bias, src, dst)
    checks.activation(act)
    spec = LinearDense(weights, bias, src, dst, act)
    return make_step("linear_dense", spec, reference.linear_dense)


def linear_sparse(
    *,
    indptr: I32,
    columns: I32,
    values: F32,
    bias: F32,
    src: int,
    dst: int,
    act: Activation,
) -> Step:
    """Return a step that computes ``act(weights @ x + bias)`` for sparse rows.

    Parameters
    ----------
    indptr : array of int32, shape (O + 1,)
    columns : array of int32, shape (nnz,)
        Input feature of each value.
    values : array of float32, shape (nnz,)
    bias : array of float32, shape (O,)
    src, dst : int
        Arena offsets, in floats, of the contiguous input and output.
    act : Activation

    Raises
    ------
    KernelError
        When a type or shape does not hold, or a column is negative.
    """
    checks.array("indptr", indptr, np.int32, 1)
    checks.array("columns", columns, np.int32, 1)
    checks.array("values", values, np.float32, 1)
    checks.compressed_rows(indptr, columns, values)
    inputs = 1 + int(columns.max(initial=0))
    checks.require(
        int(columns.min(initial=0)) >= 0,
        f"column {columns.min(initial=0)}",
        "columns of 0 or more",
        "Rebuild the sparse rows from the mask.",
    )
    check_ends(indptr.size - 1, inputs, bias, src, dst)
    checks.activation(act)
    spec = LinearSparse(indptr, columns, values, bias, src, dst, act, inputs)
    return make_step("linear_sparse", spec, reference.linear_sparse)


def check_ends(outputs: int, inputs: int, bias: F32, src: int, dst: int) -> None:
    """Check the sizes and the places of the input and output of a linear step."""
    checks.array("bias", bias, np.float32, 1)
    checks.whole("src", src, 0)
    checks.whole("dst", dst, 0)
    checks.require(
        bias.size == outputs > 0 and inputs > 0,
        f"{outputs} outputs, {inputs} inputs, {bias.size} biases",
        "as many biases as outputs, and nothing empty",
        "Pass zeros where the layer has no bias.",
    )
    overlap = src < dst + outputs and dst < src + inputs
    checks.require(
        not overlap,
        f"input at {src}..{src + inputs} and output at {dst}..{dst + outputs}",
        "two ranges of the arena that do not overlap",
        "Plan different memory for input and output.",
    )
