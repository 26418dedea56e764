"""Comparing what an exported model computes with what torch computes.

Belongs here: the check that formats which can be run share. Does not belong here:
running a particular format.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.capture.from_torch.ends import call, results_of
from workbench.capture.from_torch.torch_export import shapes_of
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
    run: Callable[[Sequence[Array]], Sequence[Array]],
    against: Exportable | None,
    shapes: Sequence[Sequence[int]],
    *,
    batches: Sequence[int] = (1,),
) -> Check:
    """Return whether an exported model computes what the network computes.

    Parameters
    ----------
    run : callable
        From a float32 batch (N, C, H, W) for each input to the outputs, in order.
    against : Network, PrunedNetwork or None
        None only asks for finite numbers.
    shapes : sequence of (C, H, W)
        That the file states, one an input.
    batches : sequence of int
        Batch sizes to try.
    """
    given = [tuple(shape) for shape in shapes]
    wanted = given if against is None else list(shapes_of(against).values())
    if given != wanted:
        return failed(
            "outputs",
            f"a model for inputs of shape {_said(given)}",
            expected=f"{_said(wanted)}, as '{getattr(against, 'name', '')}' takes",
            next_step="Verify against the network that was exported.",
        )
    sides = (*batches, *(side for shape in given for side in shape))
    if min(sides) < 1 or max(batches) * sum(map(math.prod, given)) > MOST_VALUES:
        return failed(
            "outputs",
            f"a model for batches of {max(batches)} of shape {_said(given)}",
            expected=f"sizes from 1, and {MOST_VALUES:,} values together at most",
            next_step="Export the network for the images that it is meant for.",
        )
    worst = 0.0
    for batch in batches:
        noise = np.random.default_rng(batch)
        x = [noise.standard_normal((batch, *one), dtype=np.float32) for one in given]
        try:
            outputs = [np.asarray(one, dtype=np.float32) for one in run(x)]
        except BROKEN_FILE_ERRORS as error:
            return failed(
                "outputs",
                f"it fails on a batch of {batch} ({first_line(error)})",
                expected="an output for every batch size",
                next_step="Export the network again.",
            )
        references = outputs if against is None else _torch(against, x)
        if len(outputs) != len(references):
            return failed(
                "outputs",
                f"{len(outputs)} outputs",
                expected=f"{len(references)}, as torch gives",
                next_step="Verify against the network that was exported.",
            )
        for output, reference in zip(outputs, references, strict=True):
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


def _said(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes))


def _torch(network: Exportable, x: Sequence[Array]) -> list[Array]:
    names = shapes_of(network)
    images = [torch.from_numpy(one) for one in x]
    given = dict(zip(names, images, strict=True)) if len(images) > 1 else images[0]
    with torch.inference_mode():
        made = results_of(call(network.module, given)).tensors
    return [one.numpy() for one in made.values()]
