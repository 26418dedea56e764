"""Asking of any file whether it is whole, safe and what it claims to be.

Belongs here: finding the right checks for a file. Does not belong here: the checks
(formats/).
"""

from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.export.format import Exportable, Format
from workbench.export.formats import pt
from workbench.export.report import Verification, failed
from workbench.export.table import REFUSED_SUFFIXES, format_of
from workbench.models.given import require_network
from workbench.reading import regular


def verify(path: str | Path, against: Exportable | None = None) -> Verification:
    """Return the checks of a file; nothing in it is ever executed.

    Parameters
    ----------
    path : str or Path
        Any exported file, or one from elsewhere in a format we know.
    against : Network or PrunedNetwork or None
        What the file must be equal to.

    Raises
    ------
    WorkbenchError
        When there is no such file or its suffix is unknown.
    """
    if against is not None:
        require_network(against)
    path = Path(path)
    try:
        regular(path)
    except OSError as error:
        reason = f" ({error.strerror})" if path.exists() else ""
        raise WorkbenchError(
            found=f"no file {path}{reason}",
            expected="an exported file",
            next_step="Check the path.",
        ) from error
    chosen = _format(path)
    size = path.stat().st_size
    if size == 0:
        empty = failed(
            "structure",
            "an empty file",
            expected="a whole file",
            next_step="Fetch or export the file again.",
        )
        return Verification(str(path), chosen.name, 0, (empty,))
    checks = tuple(chosen.check(path, against))
    return Verification(str(path), chosen.name, size, checks)


def _format(path: Path) -> Format:
    if path.suffix.lower() in REFUSED_SUFFIXES:
        return pt.FORMAT
    return format_of(path)
