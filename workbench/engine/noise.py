"""The one image of seeded noise that programs are timed and compared on.

Belongs here: making it. Does not belong here: what is done with it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def noise_image(
    shape: Sequence[int], seed: int = 0, *, batch: int = 1
) -> NDArray[np.float32]:
    """Return images of normally distributed numbers, float32 (batch, *shape).

    Parameters
    ----------
    shape : sequence of int
        (C, H, W), or what else a program takes for one image.
    seed : int
        Of the numbers: equal seeds and shapes give equal images.
    batch : int
        How many images.

    Examples
    --------
    >>> noise_image((1, 2, 2)).shape
    (1, 1, 2, 2)
    """
    random = np.random.default_rng(seed)
    return random.standard_normal((batch, *shape), dtype=np.float32)
