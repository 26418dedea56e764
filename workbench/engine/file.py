"""The `.wbp` file: a program as data, checked byte by byte, loaded with numpy.

A seal proves that a file is what its writer made, not that its writer meant well:
every value is checked again, and no memory is taken that the file does not justify.

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
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.engine.graph.graph import Graph, Node
from workbench.engine.graph.signature import ONLY_INPUT, Signature
from workbench.engine.planning.plan import ExecutionPlan
from workbench.engine.stored import values
from workbench.engine.stored.filed import (
    ALIGN,
    NUMBERS,
    FiledParams,
    Held,
    Latest,
    ProgramFileError,
    Section,
    Source,
)
from workbench.errors import WorkbenchError
from workbench.writing import replaced

MAGIC = b"\x93WBPROG\n"
VERSION = 3
"""2 added sections of bytes, 3 names and several inputs and outputs; files that do
without are still written as 1 or 2."""
PREFIX = struct.Struct("<8sII32s")
SPARSE_BELOW = 0.9
"""Density under which bitmask and values are smaller than the dense array."""

_FAR = 1 << 48
MOST_AXES = 8
"""Of a section: beyond them somebody made numbers up."""

COPY_AGAIN = "The file was cut off or added to: copy or download it again."
MAKE_AGAIN = "The file was made wrongly: save the program again."


def save_program(graph: Graph, plan: ExecutionPlan, path: Path) -> None:
    """Write a program; the file appears whole or not at all.

    Parameters
    ----------
    graph : Graph
        Simplified.
    plan : ExecutionPlan
    path : Path
        Usually ends in ``.wbp``.

    Raises
    ------
    WorkbenchError
        An operation that runs in the framework the network came from.
    """
    _refuse_foreign(graph)
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
            **_ends(graph),
            "nodes": nodes,
            "plan": plan.to_json(),
            "sections": entries,
            "data_bytes": offset,
        }
    ).encode()
    header += b" " * (-(PREFIX.size + len(header)) % ALIGN)
    digest = hashlib.sha256(header).digest()
    with replaced(path) as part, part.open("wb") as file:
        file.write(PREFIX.pack(MAGIC, _version(graph, entries), len(header), digest))
        file.write(header)
        for data in sections:
            file.write(data)
            file.write(b"\0" * (-len(data) % ALIGN))


def _refuse_foreign(graph: Graph) -> None:
    names = [f"{n.attrs['name']} in {n.id!r}" for n in graph if n.op == "foreign"]
    if names:
        raise WorkbenchError(
            f"{len(names)} operations that run in another framework: "
            + ", ".join(names[:3])
            + ("" if len(names) <= 3 else ", ..."),
            "a network whose operations are all of the engine's own",
            "Replace those layers, or keep the program in its process.",
        )


def load_program(path: Path) -> tuple[Graph, ExecutionPlan | None]:
    """Read the graph and the plan of a program.

    Parameters
    ----------
    path : Path

    Returns
    -------
    tuple of Graph and ExecutionPlan
        Weights are read from the file, and checked, when they are asked for;
        `check_unread` checks the rest. A plan that is none comes back as None.

    Raises
    ------
    ProgramFileError
        The file is missing, foreign, newer than this version, truncated or
        damaged.
    """
    source = Source(path)
    header, start = _header(source)
    try:
        length = start + values.whole(header.get("data_bytes"), "data_bytes", 0, _FAR)
        if source.size != length:
            raise ProgramFileError(
                f"{path.name} ends after {source.size} bytes",
                f"{length} bytes",
                COPY_AGAIN,
            )
        sections = _sections(source, start, header.get("sections"))
        graph = _graph(header, sections)
    except ProgramFileError:
        raise
    except WorkbenchError as error:
        raise ProgramFileError(
            f"{path.name} holds no network: {error.found}", error.expected, MAKE_AGAIN
        ) from error
    try:
        return graph, ExecutionPlan.from_json(header.get("plan"))
    except WorkbenchError:
        return graph, None


def check_unread(graph: Graph) -> None:
    """Check the weights of a graph that nobody asked for so far.

    Raises
    ------
    ProgramFileError
        They do not match their checksums.
    """
    for node in graph:
        if isinstance(node.params, FiledParams):
            for section in node.params.sections.values():
                if not section.seen:
                    section.raw()
            node.params.release()


def _ends(graph: Graph) -> dict[str, Any]:
    """Return what comes out, as old versions read it where they can."""
    if _is_plain(graph):
        return {"output": graph.output}
    signature = graph.signature
    return {
        "outputs": graph.outputs,
        "signature": {
            "inputs": signature.inputs,
            "outputs": signature.outputs,
            "structure": signature.structure,
        },
    }


def _is_plain(graph: Graph) -> bool:
    return graph.signature == Signature() and graph.nodes[0].id == ONLY_INPUT


def _version(graph: Graph, entries: list[dict[str, Any]]) -> int:
    """Return the oldest version that can read this graph and these sections."""
    if not _is_plain(graph):
        return 3
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


def _graph(header: Mapping[str, Any], sections: Sequence[Section]) -> Graph:
    """Return the graph; each section belongs to one parameter."""
    left = dict(enumerate(sections))
    latest = sections[0].latest if sections else Latest()
    nodes = []
    for entry in values.items(header.get("nodes"), "nodes"):
        node = values.mapping(entry, "a node")
        params = {}
        for name, index in values.mapping(node.get("params"), "params").items():
            place = values.whole(index, f"section of {name!r}", 0, len(sections) - 1)
            if place not in left:
                raise values.StoredValueError(name, place, "a section of its own")
            params[name] = left.pop(place)
        attrs = values.mapping(node.get("attrs"), "attrs").items()
        nodes.append(
            Node(
                values.text(node.get("id"), "the id of a node"),
                values.text(node.get("op"), "the operation of a node"),
                tuple(values.items(node.get("inputs"), "inputs")),
                tuple(values.items(node.get("shape"), "shape")),
                {name: values.plain(value, name) for name, value in attrs},
                FiledParams(params, latest),
            )
        )
    if left:
        raise values.StoredValueError("sections", sorted(left), "none without a node")
    name = values.text(header.get("name"), "the name")
    if "outputs" not in header:
        output = values.text(header.get("output"), "the output")
        return Graph(name, tuple(nodes), output)
    outputs = _texts(header.get("outputs"), "the outputs")
    return Graph(name, tuple(nodes), outputs, _signature(header.get("signature")))


def _signature(value: object) -> Signature:
    """Return names and structure; the graph says whether they fit."""
    found = values.mapping(value, "the signature")
    structure: Any = values.text(found.get("structure"), "the structure of results")
    return Signature(
        _texts(found.get("inputs"), "the names of inputs"),
        _texts(found.get("outputs"), "the names of outputs"),
        structure,
    )


def _texts(value: object, name: str) -> tuple[str, ...]:
    return tuple(values.text(one, name) for one in values.items(value, name))


def _sections(source: Source, start: int, entries: object) -> list[Section]:
    """Return the arrays of a file: one after another, each as long as its shape says.

    Their bytes are not read yet.
    """
    sections: list[Section] = []
    latest, offset = Latest(), 0
    for entry in values.items(entries, "sections"):
        fields = values.mapping(entry, "a section")
        at = values.whole(fields.get("offset"), "the offset of a section", 0, _FAR)
        count = values.whole(fields.get("bytes"), "the bytes of a section", 0, _FAR)
        axes = values.items(fields.get("shape"), "the shape of a section")
        section = Section(
            source,
            start + at,
            count,
            values.text(fields.get("encoding"), "the encoding of a section"),
            tuple(values.whole(axis, "an axis", 1, _FAR) for axis in axes),
            values.text(fields.get("sha256"), "the checksum of a section"),
            latest,
        )
        if section.encoding not in NUMBERS:
            raise values.StoredValueError(
                "the encoding of a section", section.encoding, " or ".join(NUMBERS)
            )
        end = section.start + count + -count % ALIGN
        if at != offset or end > source.size or len(axes) > MOST_AXES:
            raise values.StoredValueError(
                f"a section of {len(axes)} axes and {count} bytes at", at, f"{offset}"
            )
        if not section.fits:
            raise values.StoredValueError(
                f"a section of {count} bytes for the shape", list(axes), "equal sizes"
            )
        offset = end - start
        sections.append(section)
    return sections


def _header(source: Source) -> tuple[Mapping[str, Any], int]:
    prefix = source.read(0, PREFIX.size)
    if prefix.size < PREFIX.size:
        raise ProgramFileError(
            f"{source.name} is shorter than a header",
            "a .wbp program",
            "Copy or download it again.",
        )
    magic, version, length, digest = PREFIX.unpack(prefix.data)
    if magic != MAGIC:
        raise ProgramFileError(
            f"{source.name} is not a .wbp program",
            f"a file that starts with {MAGIC!r}",
            "Write one with Program.save.",
        )
    if not 1 <= version <= VERSION:
        raise ProgramFileError(
            f"{source.name} has format version {version}",
            f"a version from 1 to {VERSION}",
            "Install a newer workbench, or save the program again with this one.",
        )
    header = source.read(PREFIX.size, length).tobytes()
    if len(header) < length or hashlib.sha256(header).digest() != digest:
        raise ProgramFileError(
            f"the header of {source.name} does not match its checksum",
            "an undamaged header",
            "The file is truncated or damaged: copy or download it again.",
        )
    try:
        return values.parse(header, "the header"), PREFIX.size + length
    except WorkbenchError as error:
        raise ProgramFileError(
            f"{source.name}: {error.found}", error.expected, MAKE_AGAIN
        ) from error
