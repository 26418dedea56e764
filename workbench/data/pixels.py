"""Decoded pictures to arrays.

Belongs here: the one conversion that every format with encoded images shares.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def pixels_chw(picture: Image.Image) -> NDArray[np.uint8]:
    """Return a picture's pixels, uint8 (C, H, W): one channel if grey, else RGB.

    Other modes (palette, alpha, 16 bit) are converted to RGB.
    """
    if picture.mode not in ("L", "RGB"):
        picture = picture.convert("RGB")
    pixels = np.asarray(picture, dtype=np.uint8)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
