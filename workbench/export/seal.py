"""A checksum that a file carries inside itself and that covers every other byte.

A format's own checksums leave gaps (a zip's headers, a JSON header's names). The
seal is a text that any format can hold somewhere: a mark and 64 hex digits. The
digits are the SHA-256 of the whole file with the digits set to zero, so one flipped
bit anywhere is noticed.

Belongs here: writing and checking the seal. Does not belong here: where a format
keeps it.
"""

import hashlib
import mmap
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.export.report import Check, failed, passed
from workbench.reading import read_regular

MARK = b"wb-seal-sha256="
_DIGITS = 64
_ZEROS = b"0" * _DIGITS
BLANK = (MARK + _ZEROS).decode()


def seal(data: bytes) -> bytes:
    """Return `data` with its blank seal filled in.

    Parameters
    ----------
    data : bytes
        A whole file that holds `BLANK` exactly once.

    Raises
    ------
    WorkbenchError
        When there is no blank seal, or more than one.

    Examples
    --------
    >>> whole = seal(b"name " + BLANK.encode())
    >>> is_whole(whole), is_whole(whole.replace(b"name", b"nime"))
    (True, False)
    """
    start = _blank(data) + len(MARK)
    digest = hashlib.sha256(data).hexdigest().encode()
    return data[:start] + digest + data[start + _DIGITS :]


def seal_file(path: Path) -> None:
    """Fill in the blank seal of a file in its place, without a copy of the file.

    Raises
    ------
    WorkbenchError
        As ``seal``.
    """
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        start = _blank(data) + len(MARK)
        data[start : start + _DIGITS] = hashlib.sha256(data).hexdigest().encode()


def _blank(data: bytes | mmap.mmap) -> int:
    """Return where the one blank seal starts."""
    text = BLANK.encode()
    found, at = 0, data.find(text)
    first = at
    while at >= 0:
        found += 1
        at = data.find(text, at + 1)
    if found != 1:
        raise WorkbenchError(
            found=f"{found} blank seals in the file to write",
            expected="exactly one",
            next_step="Report this: it is an error of the exporter.",
        )
    return first


def is_whole(data: bytes) -> bool | None:
    """Return whether the seal fits the bytes; None when there is no seal."""
    found = None
    at = data.find(MARK)
    while at >= 0:
        start = at + len(MARK)
        hasher = hashlib.sha256()
        with memoryview(data) as view:
            hasher.update(view[:start])
            hasher.update(_ZEROS)
            hasher.update(view[start + _DIGITS :])
            written = bytes(view[start : start + _DIGITS])
        if written == hasher.hexdigest().encode():
            return True
        found = False
        at = data.find(MARK, start)
    return found


def check_seal(path: Path, *, required: bool) -> Check:
    """Return whether the file is byte for byte what was written.

    Parameters
    ----------
    path : Path
        A file that is not empty.
    required : bool
        Whether a missing seal is a fault: it is when the file says that the
        workbench wrote it.
    """
    # Not mapped: whoever cuts the file meanwhile would end the process.
    whole = is_whole(read_regular(path))
    if whole:
        return passed("checksum", "every byte is as it was written")
    if whole is None and not required:
        return passed("checksum", "none: this file was not written by the workbench")
    return failed(
        "checksum",
        "the file was changed or cut off after it was written",
        expected="the bytes that its own SHA-256 was taken of",
        next_step="Fetch or export the file again.",
    )
