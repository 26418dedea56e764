"""How much a data file may unpack to: what it claims is compared before it is believed.

Belongs here: the limits of all formats, and the comparison. Does not belong here: what
a file claims (the format modules).
"""

from pathlib import Path

from workbench.data.raw import DataError

FREE_BYTES = 64 << 20
"""What any file may unpack to, however small it is."""

MOST_RATIO = 200
"""Bytes in memory a byte of a file beyond that: JPEG pictures take 10 to 50."""

MOST_PIXELS = 1 << 26
"""Of one picture; the largest of ImageNet has 61 million."""

MOST_MEMBER_BYTES = 128 << 20
"""Of one file in an archive; a batch of CIFAR-10 has 31 MB."""

MOST_ARCHIVE_BYTES = 2 << 30
"""Of an archive, unpacked; CIFAR-10 has 185 MB."""


def check_unpacked(path: Path, wanted: int, packed: int) -> None:
    """Raise unless the bytes of a file justify what they claim to unpack to.

    Parameters
    ----------
    path : Path
        For the message.
    wanted : int
        Bytes in memory, a Python integer.
    packed : int
        Bytes of the file.

    Raises
    ------
    DataError
        More than ``FREE_BYTES`` and more than ``MOST_RATIO`` times the file.
    """
    if wanted > max(FREE_BYTES, MOST_RATIO * packed):
        raise DataError(
            f"{path} of {packed:,} bytes, which claims to hold {wanted:,}",
            f"at most {MOST_RATIO} times its bytes",
            "It is damaged or made to fill the memory: copy or export it again.",
        )
