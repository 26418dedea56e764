"""Writing safetensors files whose bytes depend on their content alone.

Belongs here: the writer. Does not belong here: reading (``weights_file``), and what
the metadata says (``workbench.export.provenance``).
"""

import errno
import json
import re
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

_SIZE_BYTES = 8


def save_safetensors(
    tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]
) -> None:
    """Write tensors and metadata; equal ones give equal bytes.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        Contiguous.
    path : Path
        Overwritten in its place.
    metadata : mapping of str to str

    Raises
    ------
    OSError
        It cannot be written.
    """
    try:
        save_file(dict(tensors), path, dict(metadata))
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        code = int(number[1]) if number else errno.EIO
        raise OSError(code, str(error)) from error
    _sort_metadata(path)


def _sort_metadata(path: Path) -> None:
    """Put the metadata in order, which the library leaves to chance."""
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(_SIZE_BYTES), "little")
        header = json.loads(file.read(size))
        facts = header.pop("__metadata__", {})
        ordered = {"__metadata__": dict(sorted(facts.items())), **header}
        text = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False)
        data = text.encode()
        # The same pairs in another order: of the same length as the library's.
        if len(data) > size:
            raise OSError(errno.EIO, f"a header of {len(data)} bytes, not {size}")
        file.seek(_SIZE_BYTES)
        file.write(data.ljust(size))
