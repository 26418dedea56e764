"""Running a network's code on a small image, whatever it raises.

Belongs here: copies that share their numbers, the errors, the image. Does not belong
here: what is looked at while it runs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from workbench.capture.from_torch.ends import Given, images_of
from workbench.models.network import Network

# What code that somebody wrote raises on an image that it does not like.
ERRORS = (
    RuntimeError,
    ValueError,
    AttributeError,
    AssertionError,
    TypeError,
    LookupError,
    ArithmeticError,
)
# Channels go the same ways in a small image.
_SIDE = 64
Images = Given
T = TypeVar("T")


def over_the_same_numbers(module: nn.Module) -> nn.Module:
    """Return a copy whose parameters are objects of its own, their numbers are not."""
    own = {id(one): nn.Parameter(one.detach(), False) for one in module.parameters()}
    return copy.deepcopy(module, own)


def smallest_images(network: Network, run: Callable[[Images], T]) -> tuple[Images, T]:
    """Return the smallest inputs on which something runs, and what it gives there.

    Raises
    ------
    One of ERRORS
        It runs on none.
    """
    shapes = network.input_shapes
    small = {
        name: (first, *(min(side, _SIDE) for side in sides))
        for name, (first, *sides) in shapes.items()
    }
    draw = torch.Generator().manual_seed(0)
    if small != shapes:
        try:
            images = images_of(small, 1, draw)
            return images, run(images)
        except ERRORS:
            # A flatten, a window or a position that only the whole image fits.
            pass
    images = images_of(shapes, 1, draw)
    return images, run(images)
