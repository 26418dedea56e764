"""Writing a network in any format, proved by reading it back.

Belongs here: the order of things: write beside, read back, rename. Does not belong
here: any format (formats/).
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.export.format import Exportable
from workbench.export.report import ExportReport, Verification
from workbench.export.table import find_format, format_of


def export(
    net: Exportable, path: str | Path, *, format: str | None = None
) -> ExportReport:
    """Return what was written to `path` and how it was proved.

    The file appears under its name only after it was read back and found equal; an
    older file of that name stays as it was until then.

    Parameters
    ----------
    net : Network, PrunedNetwork or CompressedNetwork
        What to write.
    path : str or Path
        The suffix chooses the format when `format` is None.
    format : str or None
        "safetensors", "pt", "pt-masked", "onnx", "wbp", "wbz" or "recipe".

    Raises
    ------
    WorkbenchError
        When the format is unknown, the file cannot be written, or what was written
        does not hold what it should.
    """
    path = Path(path)
    chosen = find_format(format) if format is not None else format_of(path)
    if not path.parent.is_dir():
        raise WorkbenchError(
            found=f"folder {path.parent} does not exist",
            expected="a folder to write into",
            next_step=f"Make it: mkdir -p {path.parent}",
        )
    if path.is_dir():
        raise WorkbenchError(
            found=f"{path}, which is a folder",
            expected="the name of a file to write",
            next_step=f"Write for example {path / 'net'}{chosen.suffixes[0]}",
        )
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        chosen.write(net, part)
        checks = tuple(chosen.check(part, net))
        size = part.stat().st_size
        Verification(str(path), chosen.name, size, checks).require()
        digest = _sync(part)
        os.replace(part, path)
    except OSError as error:
        raise WorkbenchError(
            found=f"{path} cannot be written ({error.strerror or error})",
            expected="a place that this user may write to, with room on the disk",
            next_step="Choose another folder, or make room.",
        ) from error
    finally:
        _remove(part)
    return ExportReport(str(path), chosen.name, size, digest, checks)


def _remove(part: Path) -> None:
    """Remove what is left of a write that failed; there may be nothing."""
    with suppress(OSError):
        part.unlink(missing_ok=True)


def _sync(path: Path) -> str:
    """Force the file to disk; return its SHA-256."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()
