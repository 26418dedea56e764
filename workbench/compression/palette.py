"""A palette: few shared values, and for each weight which of them it is.

Belongs here: the value and its arithmetic. Does not belong here: choosing the values
(``kmeans``), coding them (``streams``), training them (``lookup``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

MOST_BITS = 8


@dataclass(frozen=True, eq=False)
class Palette:
    """Shared weights of one layer.

    Parameters
    ----------
    codebook : numpy.ndarray of float32, shape (K,)
        The values, K in 1..256. Where ``pruned``, the first is exactly 0 and means a
        removed weight.
    codes : numpy.ndarray of uint8, shape of the weight
        Index into ``codebook`` of every weight.
    pruned : bool
        Whether code 0 is the zero of removed weights.

    Examples
    --------
    >>> codes = np.array([[0, 1], [2, 0]], np.uint8)
    >>> Palette(np.array([0, -1.5, 2], np.float32), codes, True).weight().tolist()
    [[0.0, -1.5], [2.0, 0.0]]
    """

    codebook: F32
    codes: U8
    pruned: bool

    def __post_init__(self) -> None:
        count = len(self.codebook)
        if self.codebook.ndim != 1 or not 1 <= count <= 1 << MOST_BITS:
            raise WorkbenchError(
                f"a codebook of shape {self.codebook.shape}",
                "1 to 256 values",
                "Use 8 bits a weight at most.",
            )
        if self.codes.size and int(self.codes.max()) >= count:
            raise WorkbenchError(
                f"code {int(self.codes.max())} for a codebook of {count} values",
                f"codes 0..{count - 1}",
                "Build the palette again from the weights.",
            )
        if self.pruned and self.codebook[0] != 0:
            raise WorkbenchError(
                f"{self.codebook[0]} as the value of removed weights",
                "0",
                "Put 0 in front of the codebook of a pruned layer.",
            )

    @property
    def bits(self) -> int:
        """Bits of one code when all have the same width."""
        return max(1, (len(self.codebook) - 1).bit_length())

    @property
    def kept(self) -> int:
        """Weights that are not removed."""
        return int(np.count_nonzero(self.codes)) if self.pruned else self.codes.size

    @property
    def live(self) -> F32:
        """The shared values without the zero of removed weights."""
        return self.codebook[1:] if self.pruned else self.codebook

    def weight(self) -> F32:
        """Return the weight that the palette stands for, bit for bit."""
        return np.ascontiguousarray(self.codebook[self.codes])

    def with_live(self, live: F32) -> Palette:
        """Return the same codes with other shared values, as after training."""
        values = np.asarray(live, dtype=np.float32)
        if self.pruned:
            values = np.concatenate([np.zeros(1, np.float32), values])
        return replace(self, codebook=values)
