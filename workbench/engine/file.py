"""The `.wbp` file: a program as data, checked byte by byte, loaded with numpy.

Belongs here: the container. Weights are stored instruction-set neutral (dense,
or a bitmask and the non-zero values), never as packed kernels or code.

    offset 0   8 bytes   magic
           8   u32       format version
          12   u32       header length
          16   32 bytes  SHA-256 of the header
          48   header    JSON: graph, plan, sections with their SHA-256
          ...            sections, each aligned to 64 bytes
"""

import hashlib
import json
import mmap
import os
import struct
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from workbench.engine.graph import Graph, Node
from workbench.engine.mapped import Held, Latest, MappedParams, Section
from workbench.engine.plan import Plan
from workbench.errors import WorkbenchError
from workbench.writing import replaced

MAGIC = b"\x93WBPROG\n"
VERSION = 2
"""2 added sections of bytes; files without them are still written as 1."""
PREFIX = struct.Struct("<8sII32s")
ALIGN = 64
SPARSE_BELOW = 0.9
"""Density under which bitmask and values are smaller than the dense array."""

HASHERS = 2
"""Threads: one alone takes 60 ms for the 100 MB of a dense ResNet-50."""


class ProgramFileError(WorkbenchError):
    """A `.wbp` file that is damaged, truncated, foreign or too new."""


def save_program(graph: Graph, plan: Plan, path: Path) -> None:
    """Write a program; the file appears whole or not at all.

    Parameters
    ----------
    graph : Graph
        Simplified.
    plan : Plan
    path : Path
        Usually ends in ``.wbp``.
    """
    sections: list[bytes] = []
    entries: list[dict[str, Any]] = []
    nodes = [
        {
            "id": node.id,
            "op": node.op,
            "inputs": node.inputs,
            "shape": node.shape,
            "attrs": dict(node.attrs),
            "params": {
                name: _store(array, sections, entries)
                for name, array in node.params.items()
            },
        }
        for node in graph
    ]
    offset = 0
    for entry, data in zip(entries, sections, strict=True):
        entry["offset"], entry["bytes"] = offset, len(data)
        entry["sha256"] = hashlib.sha256(data).hexdigest()
        offset += -(-len(data) // ALIGN) * ALIGN
    header = json.dumps(
        {
            "name": graph.name,
            "output": graph.output,
            "nodes": nodes,
            "plan": plan.to_json(),
            "sections": entries,
            "data_bytes": offset,
        }
    ).encode()
    header += b" " * (-(PREFIX.size + len(header)) % ALIGN)
    digest = hashlib.sha256(header).digest()
    with replaced(path) as part, part.open("wb") as file:
        file.write(PREFIX.pack(MAGIC, _version(entries), len(header), digest))
        file.write(header)
        for data in sections:
            file.write(data)
            file.write(b"\0" * (-len(data) % ALIGN))


def load_program(path: Path) -> tuple[Graph, Plan]:
    """Read the graph and the plan of a program.

    Parameters
    ----------
    path : Path

    Returns
    -------
    tuple of Graph and Plan
        Weights are read from the mapped file when they are asked for.

    Raises
    ------
    ProgramFileError
        The file is missing, foreign, newer than this version, truncated or
        damaged.
    """
    data = _map(path)
    header, start = _header(path, data)
    if len(data) != start + header["data_bytes"]:
        raise ProgramFileError(
            f"{path.name} ends after {len(data)} bytes",
            f"{start + header['data_bytes']} bytes",
            "The file was cut off or added to: copy or download it again.",
        )
    sections = _sections(path, data, start, header["sections"])
    latest = Latest()
    nodes = tuple(
        Node(
            node["id"],
            node["op"],
            tuple(node["inputs"]),
            tuple(node["shape"]),
            {name: _tuples(value) for name, value in node["attrs"].items()},
            MappedParams(
                {name: sections[i] for name, i in node["params"].items()}, latest
            ),
        )
        for node in header["nodes"]
    )
    graph = Graph(header["name"], nodes, header["output"])
    return graph, Plan.from_json(header["plan"])


def _version(entries: list[dict[str, Any]]) -> int:
    """Return the oldest version that can read these sections."""
    return 2 if any(entry["encoding"] == "uint8" for entry in entries) else 1


def _store(array: Held, sections: list[bytes], entries: list[dict[str, Any]]) -> int:
    if array.dtype == np.uint8:
        sections.append(array.tobytes())
        entries.append({"encoding": "uint8", "shape": array.shape})
        return len(entries) - 1
    keep = array != 0
    dense = np.count_nonzero(keep) >= SPARSE_BELOW * array.size
    if dense:
        sections.append(np.ascontiguousarray(array, "<f4").tobytes())
    else:
        mask = np.packbits(keep.reshape(-1), bitorder="little").tobytes()
        sections.append(mask + np.ascontiguousarray(array[keep], "<f4").tobytes())
    encoding = "dense" if dense else "bitmask"
    entries.append({"encoding": encoding, "shape": array.shape})
    return len(entries) - 1


def _sections(
    path: Path, data: memoryview, start: int, entries: Sequence[Mapping[str, Any]]
) -> list[Section]:
    """Return the arrays of a file, once all match their checksums.

    Two threads hash: SHA-256 lets go of the interpreter meanwhile.
    """

    def check(entry: Mapping[str, Any]) -> Section:
        begin = start + entry["offset"]
        end = begin + entry["bytes"]
        section = Section(data[begin:end], entry["encoding"], tuple(entry["shape"]))
        digest = hashlib.sha256(section.raw).hexdigest()
        section.forget()
        if digest != entry["sha256"] or any(data[end : end + -entry["bytes"] % ALIGN]):
            raise ProgramFileError(
                f"{path.name} changed since it was written (section at {begin})",
                "weights that match their checksum",
                "The file is damaged: copy or download it again.",
            )
        return section

    largest = sorted(range(len(entries)), key=lambda i: -entries[i]["bytes"])
    with ThreadPoolExecutor(HASHERS) as pool:
        checked = list(pool.map(check, [entries[i] for i in largest]))
    places = {index: place for place, index in enumerate(largest)}
    return [checked[places[i]] for i in range(len(entries))]


def _map(path: Path) -> memoryview:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < PREFIX.size:
                raise ProgramFileError(
                    f"{path.name} is shorter than a header",
                    "a .wbp program",
                    "Copy or download it again.",
                )
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise ProgramFileError(
            f"{path} cannot be read ({error.strerror})",
            "a readable .wbp program",
            "Check the path and its permissions.",
        ) from error


def _header(path: Path, data: memoryview) -> tuple[dict[str, Any], int]:
    magic, version, length, digest = PREFIX.unpack(data[: PREFIX.size])
    if magic != MAGIC:
        raise ProgramFileError(
            f"{path.name} is not a .wbp program",
            f"a file that starts with {MAGIC!r}",
            "Write one with Program.save.",
        )
    if not 1 <= version <= VERSION:
        raise ProgramFileError(
            f"{path.name} has format version {version}",
            f"a version from 1 to {VERSION}",
            "Install a newer workbench, or save the program again with this one.",
        )
    header = data[PREFIX.size : PREFIX.size + length]
    if len(header) < length or hashlib.sha256(header).digest() != digest:
        raise ProgramFileError(
            f"the header of {path.name} does not match its checksum",
            "an undamaged header",
            "The file is truncated or damaged: copy or download it again.",
        )
    parsed: dict[str, Any] = json.loads(bytes(header))
    return parsed, PREFIX.size + length


def _tuples(value: Any) -> Any:
    """Return JSON lists as the tuples that node attributes hold."""
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
