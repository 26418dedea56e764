"""Where a named dataset may lie, in the order in which places are tried.

Belongs here: places. Does not belong here: what a file holds (the format modules).
"""

import os
from pathlib import Path

from workbench.data.formats import FORMATS, Format
from workbench.data.raw import DataError
from workbench.reading import regular

VARIABLE = "WORKBENCH_DATA"


def user_cache() -> Path:
    """Return the directory that downloads go to."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pruning-workbench" / "data"


def places(root: str | Path | None) -> tuple[Path, ...]:
    """Return the places to search: ``root`` alone if given, else the usual ones.

    The usual ones are the environment variable, ``../shared/data`` beside the checkout
    (and beside the working directory), and the user's cache.
    """
    if root is not None:
        return (Path(root).expanduser(),)
    found = []
    variable = os.environ.get(VARIABLE)
    if variable:
        found.append(Path(variable).expanduser())
    checkout = Path(__file__).resolve().parents[2]
    found.append(checkout.parent / "shared" / "data")
    found.append(Path.cwd().parent / "shared" / "data")
    found.append(user_cache())
    return tuple(dict.fromkeys(found))


def find(name: str, root: str | Path | None) -> tuple[Format, tuple[Path, ...]]:
    """Return the format and the paths of a named dataset.

    Parameters
    ----------
    name : str
        For example ``"cifar10"``.
    root : str, Path or None
        The one place to search; None searches the usual ones.

    Raises
    ------
    DataError
        If it is nowhere; says where was searched.
    """
    searched = places(root)
    for place in searched:
        for directory in (place, place / name):
            if not directory.exists():
                continue
            for form in FORMATS:
                files = form.collect(directory, name)
                if files:
                    return form, files
    raise DataError(
        f"no dataset '{name}' in {', '.join(str(place) for place in searched)}",
        f"parquet files ({name}-train.parquet, {name}-test.parquet) or the official "
        "archive",
        f"Name its directory with --data or {VARIABLE}, or download it from the page "
        "Model.",
    )


def recognise(path: Path) -> tuple[Format, tuple[Path, ...]]:
    """Return the format and the paths of whatever dataset lies at ``path``.

    Raises
    ------
    DataError
        If there is no such path or no format knows it.
    """
    if not path.exists():
        raise DataError(f"no file or directory {path}", "a dataset", "Check the path.")
    if not path.is_dir():
        try:
            regular(path)
        except OSError as error:
            raise DataError(
                f"{path} cannot be read ({error.strerror})",
                "a file, or a folder of files",
                "Name one; what comes out of a pipe must be saved to a file first.",
            ) from error
    for form in FORMATS:
        files = form.collect(path, None)
        if files:
            return form, files
    raise DataError(
        f"{path} is in no known format",
        "one of: " + ", ".join(form.name for form in FORMATS),
        "See the README's section on data.",
    )
