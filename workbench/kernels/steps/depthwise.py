"""Factory of the depthwise convolution: one filter a channel.

Belongs here: the public, documented, checking face. Does not belong here: which loads
rows share (variants/chains.py) or the arithmetic (ext/, reference/).
"""

import numpy as np

from workbench.kernels.backend import compiled
from workbench.kernels.reference.conv import depthwise as reference
from workbench.kernels.steps.placing import check_bias, checked_place
from workbench.kernels.values import checks
from workbench.kernels.values.specs import Depthwise, Placement
from workbench.kernels.values.types import F32, I32, Step
from workbench.kernels.variants.chains import depthwise_grid


def depthwise(
    *,
    weights: F32,
    offsets: I32,
    in_cs: int,
    bias: F32,
    place: Placement,
) -> Step:
    """Return a step that convolves each channel with a filter of its own.

    Parameters
    ----------
    weights : array of float32, shape (C, T)
    offsets : array of int32, shape (T,)
        Float offset of each tap, from ``src + vec_in + channel * in_cs``.
    in_cs : int
        Floats between two channels of the source.
    bias : array of float32, shape (C,)
    place : Placement
        Vectors may have a pace of 2. With a frame the kernel adds the padding: nothing
        outside of the source image is read as anything but zero. Without one, zeros
        must be stored wherever taps reach.

    Raises
    ------
    KernelError
        When a type, shape or bound does not hold.
    """
    checks.array("weights", weights, np.float32, 2)
    checks.array("offsets", offsets, np.int32, 1)
    channels, taps = weights.shape
    checks.require(
        taps == offsets.size and min(weights.shape) > 0,
        f"weights {weights.shape} and {offsets.size} offsets",
        "weights (C, T) and T offsets, nothing empty",
        "Pass one offset a tap.",
    )
    checks.whole("in_cs", in_cs, -checks.MOST_FLOATS)
    span = (channels - 1) * in_cs
    reach = int(offsets.min()) + min(0, span), int(offsets.max()) + max(0, span)
    check_bias(bias, channels)
    if place.frame is not None:
        place.frame.check(offsets, checks.vectors(place.vectors, (1, 2)))
        reach = (min(0, span), max(0, span))
    place = checked_place(place, reach, channels, paces=(1, 2))
    spec = Depthwise(weights, offsets, in_cs, bias, place)
    native = compiled()
    if native is None:
        return reference(spec)
    grid = depthwise_grid(offsets, place.vectors, place.frame)
    return native.step("depthwise", spec, grid)
