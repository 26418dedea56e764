"""Small JSON files that only this program writes: read unchanged, or not at all.

Belongs here: the seal, and replacing a file at once. Does not belong here: what is in
the files (`plans`, `timings`); a cache is never worth an error.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.engine.stored import values
from workbench.errors import WorkbenchError
from workbench.reading import read_regular
from workbench.writing import WriteError, write_whole


def read_sealed(path: Path) -> Mapping[str, Any] | None:
    """Return what `write_sealed` wrote, None where anything about it is different."""
    try:
        whole = values.parse(read_regular(path), path.name)
        data = values.mapping(whole.get("data"), path.name)
    except (OSError, WorkbenchError):
        return None
    return data if whole.get("sha256") == _seal(data) else None


def write_sealed(path: Path, data: Mapping[str, Any]) -> None:
    """Write a file at once; a folder that cannot be written is no error."""
    with suppress(OSError, WriteError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, sealed(data))


def sealed(data: Mapping[str, Any]) -> bytes:
    """Return the contents of a file."""
    return json.dumps({"sha256": _seal(data), "data": data}).encode()


def _seal(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def remove(path: Path) -> None:
    """Remove a file, if there is one and it can be removed."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
