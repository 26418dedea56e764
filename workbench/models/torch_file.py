"""Reading what ``torch.save`` wrote: inspected, measured, and only then loaded.

Belongs here: the one call of ``torch.load``, and the comparison of the sizes that a
pickle claims with the bytes of its storages. Does not belong here: what names a pickle
may hold (``pickle_guard``), what the tensors mean (``weights_file``, checkpoints).
"""

import io
import pickle
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from workbench.models.pickle_guard import Refusal, inspect_torch_file

_ZIP = b"PK\x03\x04"
_FREE_BYTES = 1 << 20
_EXPANSION = 64
"""Of a tensor over its storage, for small ones that were expanded."""


class OversizedError(Exception):
    """A file whose tensors are larger than its bytes."""


class RefusedError(Exception):
    """A file that ``inspect_torch_file`` refuses; ``refusal`` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.found)
        self.refusal = refusal


def load_torch(content: bytes) -> Any:
    """Return the tensors and plain values of a torch file, on the CPU.

    Parameters
    ----------
    content : bytes
        The whole file.

    Raises
    ------
    RefusedError
        It could run code, or is no torch file.
    OversizedError
        A tensor that its storage cannot hold, or a storage that the file does not.
    Exception
        One of ``BROKEN_FILE_ERRORS``, when it is damaged.
    """
    refusal = inspect_torch_file(content)
    if refusal is not None:
        raise RefusedError(refusal)
    _measure(content)
    loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    _check_plain(loaded)
    return loaded


def _check_plain(value: Any) -> None:
    """Raise for tensors of a kind that nothing here writes or reads."""
    if isinstance(value, dict):
        for item in value.values():
            _check_plain(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_plain(item)
    elif isinstance(value, Tensor):
        odd = value.is_quantized or value.layout != torch.strided or value.is_complex()
        if odd or value.device.type != "cpu":
            raise ValueError(f"a tensor of type {value.dtype} on {value.device}")


def _measure(content: bytes) -> None:
    """Walk through the pickle with stand-ins that compare sizes with bytes.

    ``torch`` makes a storage larger where a tensor does not fit into it, and fills it
    with whatever the memory held.
    """
    if content.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            name = next(n for n in archive.namelist() if n.endswith("/data.pkl"))
            home = name.removesuffix("data.pkl") + "data/"
            sizes = {
                member.filename.removeprefix(home): member.file_size
                for member in archive.infolist()
                if member.filename.startswith(home)
            }
            _Measure(archive.read(name), sizes.__getitem__).load()
        return
    stream = io.BytesIO(content)
    # Magic number, version and system come first, then the tensors; the bytes of all
    # storages follow, each after its size, which torch compares.
    for _ in range(3):
        _Measure(stream, lambda _: 0).load()
    _Measure(stream, lambda _: len(content), exact=False).load()


class _Storage:
    def __init__(self, elements: int, most_elements: int) -> None:
        self.elements, self.most_elements = elements, most_elements


class _Anything:
    """Stands for types and sizes, which take what they are given."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


# Python's own reader, as the one in C fills its memory up to the places of its memo
# that a file names.
class _Measure(pickle._Unpickler):
    def __init__(
        self,
        pickled: bytes | io.BytesIO,
        size_of: Callable[[str], int],
        *,
        exact: bool = True,
    ) -> None:
        stream = io.BytesIO(pickled) if isinstance(pickled, bytes) else pickled
        super().__init__(stream, encoding="utf-8")
        self._size_of, self._exact = size_of, exact

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if name in ("_rebuild_tensor_v2", "_rebuild_tensor"):
            return _check_tensor
        if name == "_rebuild_parameter":
            return lambda tensor, *_: tensor
        if name.endswith("Storage"):
            return _itemsize(name)
        return _Anything

    def persistent_load(self, saved: Any) -> _Storage:
        kind, itemsize, key, _location, elements = saved[:5]
        if kind != "storage" or type(elements) is not int or elements < 0:
            raise ValueError(f"a storage of {elements!r} elements")
        size = self._size_of(key)
        wanted = elements * itemsize
        if wanted > size or (self._exact and wanted != size):
            raise OversizedError(f"{wanted:,} bytes where the file holds {size:,}")
        return _Storage(elements, max(_FREE_BYTES, _EXPANSION * size) // itemsize)


def _itemsize(name: str) -> int:
    if name == "UntypedStorage":
        return 1
    with warnings.catch_warnings():
        # The classes are deprecated; the files that name them are not.
        warnings.simplefilter("ignore", UserWarning)
        dtype = getattr(torch, name).dtype
    return int(torch.empty(0, dtype=dtype).element_size())


def _check_tensor(
    storage: _Storage, offset: Any, size: Any, stride: Any, *_: object
) -> _Anything:
    numbers = (offset, *size, *stride)
    if len(size) != len(stride) or not all(
        type(one) is int and one >= 0 for one in numbers
    ):
        raise ValueError(f"a tensor of shape {size!r} and strides {stride!r}")
    elements, last = 1, offset
    for side, step in zip(size, stride, strict=True):
        elements *= side
        last += (side - 1) * step
    if elements and (last >= storage.elements or elements > storage.most_elements):
        raise OversizedError(
            f"a tensor of shape {tuple(size)} in a storage of {storage.elements:,}"
        )
    return _Anything()
