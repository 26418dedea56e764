"""Decoded pictures to arrays.

Belongs here: the one conversion that every format with encoded images shares.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workbench.data.limits import MOST_PIXELS
from workbench.models.pickle_guard import BROKEN_FILE_ERRORS

UNREADABLE: tuple[type[Exception], ...] = (
    *BROKEN_FILE_ERRORS,
    Image.DecompressionBombError,
)
"""What Pillow raises on altered pictures."""

_FREE_PIXELS, _PIXELS_PER_BYTE = 1 << 22, 2000
# A blank PNG has a thousand pixels a byte.


def check_size(picture: Image.Image, encoded: int) -> None:
    """Raise unless a picture's bytes justify the size that it claims.

    Parameters
    ----------
    picture : Image.Image
        Opened, not yet decoded.
    encoded : int
        Its bytes.

    Raises
    ------
    OSError
        More pixels than ``MOST_PIXELS``, or than so few bytes can hold.
    """
    width, height = picture.size
    most = min(MOST_PIXELS, max(_FREE_PIXELS, _PIXELS_PER_BYTE * encoded))
    if width * height > most:
        raise OSError(f"{width} x {height} pixels in {encoded:,} bytes")


def pixels_chw(picture: Image.Image, encoded: int) -> NDArray[np.uint8]:
    """Return a picture's pixels, uint8 (C, H, W): one channel if grey, else RGB.

    Other modes (palette, alpha, 16 bit) are converted to RGB.

    Raises
    ------
    OSError
        As ``check_size``.
    """
    check_size(picture, encoded)
    if picture.mode not in ("L", "RGB"):
        picture = picture.convert("RGB")
    # Bytes and frombuffer take a fifth less time than np.asarray on small pictures.
    pixels = np.frombuffer(picture.tobytes(), dtype=np.uint8)
    width, height = picture.size
    shaped = pixels.reshape(height, width, len(picture.getbands()))
    return shaped.transpose(2, 0, 1)
