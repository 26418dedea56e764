"""Where an activation lies in memory: NCHW, NHWC and NCHWc, address by address.

Belongs here: address maps, and what walking along an axis costs in cache lines. Does
not belong here: the engine's own layouts (``workbench.engine.layout``), pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError

Name = Literal["NCHW", "NHWC", "NCHWc"]
NAMES: tuple[Name, ...] = get_args(Name)

LINE_FLOATS = 16
"""float32 values in a cache line of 64 bytes."""

Addresses = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AddressMap:
    """The address of every element of one image.

    Parameters
    ----------
    name : str
        NCHW, NHWC or NCHWc.
    addresses : numpy.ndarray of int64, shape (C, H, W)
        In elements from the start.
    size : int
        Elements that the layout takes; above C * H * W where channels are padded.
    """

    name: str
    addresses: Addresses
    size: int

    def step(self, axis: Literal["channel", "row", "column"]) -> int:
        """Return the distance in elements of neighbours along an axis."""
        place = {"channel": 0, "row": 1, "column": 2}[axis]
        if self.addresses.shape[place] < 2:
            return 0
        first = np.take(self.addresses, 0, axis=place).flat[0]
        return int(np.take(self.addresses, 1, axis=place).flat[0] - first)

    def lines(self, channels: int, rows: int, columns: int) -> int:
        """Return how many cache lines a corner block of the image touches."""
        block = self.addresses[:channels, :rows, :columns]
        return len(np.unique(block // LINE_FLOATS))


def address_map(
    name: str, shape: tuple[int, int, int], *, block: int = 8
) -> AddressMap:
    """Return where a layout puts the elements of one image.

    Parameters
    ----------
    name : {"NCHW", "NHWC", "NCHWc"}
    shape : (int, int, int)
        (C, H, W).
    block : int
        Channels beside each other in NCHWc; the last block is padded.

    Raises
    ------
    WorkbenchError
        An unknown layout, or sides or a block below 1.

    Examples
    --------
    Channel 1 of pixel (0, 0) of a 2 x 1 x 3 image comes after one plane, or at once:

    >>> [int(address_map(n, (2, 1, 3)).addresses[1, 0, 0]) for n in NAMES]
    [3, 1, 1]
    """
    if name not in NAMES or min(*shape, block) < 1:
        raise WorkbenchError(
            f"layout {name!r} of {shape} in blocks of {block}",
            "one of " + ", ".join(NAMES) + ", sides and blocks of 1 or more",
            "Correct the name or the sizes.",
        )
    channels, height, width = shape
    c, y, x = np.indices(shape)
    if name == "NCHW":
        return AddressMap(name, (c * height + y) * width + x, c.size)
    if name == "NHWC":
        return AddressMap(name, (y * width + x) * channels + c, c.size)
    blocks = -(-channels // block)
    inside = ((c // block * height + y) * width + x) * block + c % block
    return AddressMap(name, inside, blocks * block * height * width)
