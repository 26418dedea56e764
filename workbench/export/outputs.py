"""Comparing what an exported model computes with what torch computes.

Belongs here: the check that formats which can be run share. Does not belong here:
running a particular format.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.export.format import Exportable
from workbench.export.report import Check, failed, passed
from workbench.measure.agreement import compare_outputs
from workbench.models.pickle_guard import BROKEN_FILE_ERRORS

# fp32 engines differ by the order of their sums: under 1e-5 of the largest output
# on the sample networks, a little more where Winograd tiles are large.
TOLERANCE = 1e-4

MOST_VALUES = 1 << 26
"""Of a batch that is tried: a hundred images of 448 x 448 pixels."""

Array = NDArray[np.float32]


def check_outputs(
    run: Callable[[Array], Array],
    against: Exportable | None,
    input_shape: Sequence[int],
    *,
    batches: Sequence[int] = (1,),
) -> Check:
    """Return whether an exported model computes what the network computes.

    Parameters
    ----------
    run : callable
        From a float32 batch (N, C, H, W) to the output.
    against : Network, PrunedNetwork or None
        None only asks for finite numbers.
    input_shape : (C, H, W)
        That the file states.
    batches : sequence of int
        Batch sizes to try.
    """
    shape = tuple(input_shape)
    if against is not None and shape != tuple(against.input_shape):
        return failed(
            "outputs",
            f"a model for inputs of shape {shape}",
            expected=f"{tuple(against.input_shape)}, as '{against.name}' takes",
            next_step="Verify against the network that was exported.",
        )
    sides = (*batches, *shape)
    if min(sides) < 1 or max(batches) * math.prod(shape) > MOST_VALUES:
        return failed(
            "outputs",
            f"a model for batches of {max(batches)} of shape {shape}",
            expected=f"sizes from 1, and {MOST_VALUES:,} values together at most",
            next_step="Export the network for the images that it is meant for.",
        )
    worst = 0.0
    for batch in batches:
        noise = np.random.default_rng(batch)
        x = noise.standard_normal((batch, *shape), dtype=np.float32)
        try:
            output = np.asarray(run(x), dtype=np.float32)
        except BROKEN_FILE_ERRORS as error:
            return failed(
                "outputs",
                f"it fails on a batch of {batch} ({first_line(error)})",
                expected="an output for every batch size",
                next_step="Export the network again.",
            )
        reference = output if against is None else _torch(against, x)
        agreement = compare_outputs(output, reference, tolerance=TOLERANCE)
        if agreement.reason is not None:
            return failed(
                "outputs",
                agreement.reason,
                expected="torch's outputs on the same weights",
                next_step="Export the network again; report this if it persists.",
            )
        worst = max(worst, agreement.max_rel)
    sizes = ", ".join(str(batch) for batch in batches)
    if against is None:
        return passed("outputs", f"runs on batches of {sizes}, all values finite")
    return passed(
        "outputs", f"equal to torch on batches of {sizes} (max rel error {worst:.1e})"
    )


def first_line(error: Exception) -> str:
    """Return an error's first line, or its type where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _torch(network: Exportable, x: Array) -> Array:
    with torch.inference_mode():
        output: Array = network.module(torch.from_numpy(x)).numpy()
    return output
