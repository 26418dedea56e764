"""The `.wbz` file: a state dict with palettes, and facts about where it comes from.

Belongs here: which tensors go in and come out. Does not belong here: one tensor's
form (``tensors``), the bytes around them (``container``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.compression.container import DamagedWbzError, join, split
from workbench.compression.palette import Palette
from workbench.compression.tensors import (
    LARGEST,
    Coding,
    Packed,
    pack_palette,
    pack_raw,
    pack_sparse,
    size_of,
    unpack,
)
from workbench.errors import WorkbenchError
from workbench.models.pickle_guard import BROKEN_FILE_ERRORS
from workbench.reading import read_regular

_WEIGHT = ".weight"
# A record that lacks a field, has a wrong one, or runs out of sections.
_BROKEN: tuple[type[Exception], ...] = (*BROKEN_FILE_ERRORS, StopIteration)
_DTYPES = frozenset(
    (
        *("float64", "float32", "float16", "bfloat16", "bool", "uint8"),
        *("int8", "int16", "int32", "int64", "complex64", "complex128"),
    )
)


@dataclass(frozen=True, eq=False)
class WbzFile:
    """What a `.wbz` file holds.

    Parameters
    ----------
    state : mapping of str to Tensor
        The whole state dict, palettes written out as weights.
    palettes : mapping of str to Palette
        Layer id to the palette of its weight.
    facts : mapping of str to str
        Model, recipe, digests, version.
    bytes : int
        Size of the file.
    """

    state: Mapping[str, Tensor]
    palettes: Mapping[str, Palette]
    facts: Mapping[str, str]
    bytes: int


@dataclass(frozen=True, eq=False)
class Written:
    """The bytes of a `.wbz` file and what they are spent on.

    Parameters
    ----------
    data : bytes
        The whole file.
    packed : mapping of str to Packed
        Tensor name to its record and sections.
    """

    data: bytes
    packed: Mapping[str, Packed] = field(repr=False)

    def layers(self) -> dict[str, Packed]:
        """Return the tensors that are pruned or have a palette."""
        return {n: p for n, p in self.packed.items() if p.record["as"] != "raw"}


def to_wbz(
    state: Mapping[str, Tensor],
    palettes: Mapping[str, Palette],
    *,
    facts: Mapping[str, str] | None = None,
    coding: Coding | None = None,
) -> Written:
    """Return a state dict as the bytes of a `.wbz` file.

    Parameters
    ----------
    state : mapping of str to Tensor
        On the CPU. A float32 tensor of two axes or more with zeros is stored sparse,
        one with a palette as codes, everything else as it is.
    palettes : mapping of str to Palette
        By layer id.
    facts : mapping of str to str, optional
        Put into the header.
    coding : Coding, optional
        The smallest by default.

    Raises
    ------
    WorkbenchError
        A palette that is not, bit for bit, the weight of its layer.
    """
    how = coding or Coding()
    packed = {
        name: _pack(name, tensor, palettes, how) for name, tensor in state.items()
    }
    unknown = {f"{layer}{_WEIGHT}" for layer in palettes} - set(state)
    if unknown:
        raise WorkbenchError(
            f"palettes for {sorted(unknown)[:3]}, which the network does not have",
            "palettes of this network's layers",
            "Compress this network, not another one.",
        )
    sections = [part for one in packed.values() for part in one.sections]
    header = {
        "facts": dict(facts or {}),
        "tensors": [one.record for one in packed.values()],
    }
    return Written(join(header, sections), packed)


def _pack(
    name: str, tensor: Tensor, palettes: Mapping[str, Palette], coding: Coding
) -> Packed:
    plain = tensor.detach().cpu().contiguous()
    record = {
        "name": name,
        "dtype": str(plain.dtype).removeprefix("torch."),
        "shape": list(plain.shape),
    }
    palette = palettes.get(name.removesuffix(_WEIGHT)) if _WEIGHT in name else None
    if palette is not None:
        if palette.weight().tobytes() != plain.numpy().tobytes():
            raise WorkbenchError(
                f"a palette that is not the weight '{name}'",
                "the weight itself, bit for bit",
                "Compress the network again after changing its weights.",
            )
        return pack_palette(palette, record, coding)
    if plain.dtype == torch.float32 and plain.ndim > 1 and _worth_it(plain):
        return pack_sparse(plain.numpy(), record, coding)
    return pack_raw(plain.reshape(-1).view(torch.uint8).numpy().tobytes(), record)


def _worth_it(weight: Tensor) -> bool:
    """Return whether leaving zeros out saves more than saying where they are.

    A negative zero would come back positive, so that such a tensor stays as it is.
    """
    zeros = weight == 0
    signed = bool((torch.signbit(weight) & zeros).any())
    return not signed and int(zeros.sum()) > weight.numel() // 4


def read_wbz(source: str | Path | bytes) -> WbzFile:
    """Return what a `.wbz` file holds.

    Parameters
    ----------
    source : str, Path or bytes
        A file or its content.

    Raises
    ------
    WorkbenchError
        A file that cannot be read, is of another kind, changed or cut off.
    """
    data = source if isinstance(source, bytes) else _read(Path(source))
    header, sections = split(data)
    state: dict[str, Tensor] = {}
    palettes: dict[str, Palette] = {}
    rest = iter(sections)
    total = 0
    try:
        for record in header["tensors"]:
            total += size_of(record)
            if total > LARGEST:
                raise DamagedWbzError(f"{total:,} values in {len(data):,} bytes")
            found = unpack(record, rest)
            name = record["name"]
            if not isinstance(name, str) or name in state:
                raise DamagedWbzError(f"a tensor called {name!r}, or two of them")
            if isinstance(found, Palette):
                if not name.endswith(_WEIGHT):
                    raise DamagedWbzError(f"a palette for {name!r}, which is no weight")
                palettes[name.removesuffix(_WEIGHT)] = found
                state[name] = torch.from_numpy(found.weight())
            elif isinstance(found, bytes):
                state[name] = _raw(found, record)
            else:
                state[name] = torch.from_numpy(found)
        if next(rest, None) is not None:
            raise DamagedWbzError("sections that belong to no tensor")
        facts = {str(key): str(value) for key, value in header["facts"].items()}
    except _BROKEN as error:
        raise DamagedWbzError(f"a header that does not fit ({error!r})") from error
    return WbzFile(state, palettes, facts, len(data))


def _read(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        raise WorkbenchError(
            f"{path} cannot be read ({error.strerror or error})",
            "a .wbz file",
            "Check the path.",
        ) from error


def _raw(data: bytes, record: dict[str, Any]) -> Tensor:
    if record["dtype"] not in _DTYPES:
        raise DamagedWbzError(f"a tensor of type {record['dtype']!r}")
    dtype: torch.dtype = getattr(torch, record["dtype"])
    empty = torch.empty(0, dtype=dtype)
    if len(data) != size_of(record) * empty.element_size():
        raise DamagedWbzError(
            f"{len(data)} bytes for {record['name']} of shape {record['shape']}"
        )
    flat = torch.from_numpy(np.frombuffer(data, dtype=np.uint8).copy())
    return (flat.view(dtype) if data else empty).reshape(record["shape"])
