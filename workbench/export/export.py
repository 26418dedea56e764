"""Writing a network in any format, proved by reading it back.

Belongs here: the order of things: write beside, read back, rename. Does not belong
here: any format (formats/).
"""

import hashlib
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.export.format import Exportable
from workbench.export.report import ExportReport, Verification
from workbench.export.table import find_format, format_of
from workbench.models.given import require_network
from workbench.writing import replaced


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
    require_network(net)
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
    with replaced(path) as part:
        chosen.write(net, part)
        checks = tuple(chosen.check(part, net))
        size = part.stat().st_size
        Verification(str(path), chosen.name, size, checks).require()
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ExportReport(str(path), chosen.name, size, digest, checks)
