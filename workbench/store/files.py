"""Files kept under the digest of their content.

Belongs here: putting bytes in and getting the same bytes out. Does not belong here:
which run a file belongs to (store.py).
"""

import hashlib
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.reading import read_regular
from workbench.writing import is_part, sweep, write_whole


class Files:
    """Return the content-addressed files of a workspace.

    Parameters
    ----------
    folder : Path
        Made when the first file is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes) -> str:
        """Keep bytes; return their SHA-256 hex. Equal bytes are kept once."""
        digest = hashlib.sha256(data).hexdigest()
        target = self._target(digest)
        if target.exists():
            return digest
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, data)
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes of a digest.

        Raises
        ------
        WorkbenchError
            When there is no such file or its bytes changed.
        """
        target = self._target(digest)
        if not target.is_file():
            raise WorkbenchError(
                found=f"no stored file {digest[:12]}",
                expected="a file that a run keeps",
                next_step="Repeat the run that made it.",
            )
        data = read_regular(target)
        if hashlib.sha256(data).hexdigest() != digest:
            raise WorkbenchError(
                found=f"stored file {target} does not fit its name",
                expected="bytes with the SHA-256 that names them",
                next_step="Delete it and repeat the run that made it.",
            )
        return data

    def remove_all_but(self, wanted: set[str]) -> int:
        """Delete files that nobody wants any more; return how many."""
        for folder in self._folder.glob("*/"):
            sweep(folder)
        unwanted = [
            path
            for path in self._folder.glob("*/*")
            # What is being written at this moment will be wanted.
            if path.name not in wanted and not is_part(path)
        ]
        for path in unwanted:
            path.unlink(missing_ok=True)
        return len(unwanted)

    def _target(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest
