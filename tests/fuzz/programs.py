"""`.wbp` files taken apart and put together again with right seals.

Belongs here: the container, and changes that know what its fields mean. Does not belong
here: reading them (``targets.wbp``).
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.fuzz.mutations import damage, json_bytes, number, scalar, tree
from workbench.engine.candidates import TABLE
from workbench.engine.file import PREFIX
from workbench.engine.layout.layout import KINDS
from workbench.engine.stored.filed import ALIGN

VARIANTS = (
    *("", "strip4", "strip6", "strip4-whole", "shift4", "shift6", "gathered"),
    *("strips-first", "weights-first", "lanes", "4x1", "2x3", "2x64", "1x16", "2x64r"),
    *("g6", "g4-s", "g6-p2", "g3-b8-r", "g29-n", "g99", "g0", "g6-p9", "g6-b0"),
)


@dataclass
class Container:
    """The parts of a file: version, parsed header, and the bytes behind it."""

    version: int
    header: Any
    data: bytes

    @property
    def network(self) -> str:
        """A digest of everything but the plan."""
        rest = {k: v for k, v in self.header.items() if k != "plan"}
        text = json.dumps(rest, sort_keys=True).encode()
        return hashlib.sha256(text + self.data).hexdigest()


def take_apart(data: bytes) -> Container | None:
    """Return the parts of a file; None for what is no whole file."""
    if len(data) < PREFIX.size:
        return None
    _, version, length, _ = PREFIX.unpack(data[: PREFIX.size])
    try:
        header = json.loads(data[PREFIX.size : PREFIX.size + length])
    except (ValueError, RecursionError):
        return None
    if not isinstance(header, dict):
        return None
    return Container(version, header, data[PREFIX.size + length :])


def put_together(magic: bytes, version: int, header: bytes, data: bytes) -> bytes:
    """Return a file whose header has the right length and checksum."""
    header += b" " * (-(PREFIX.size + len(header)) % ALIGN)
    digest = hashlib.sha256(header).digest()
    return PREFIX.pack(magic, version, len(header), digest) + header + data


def forged(rng: Random, data: bytes) -> bytes:
    """Return a file with other contents and right seals, or a damaged one."""
    parts = take_apart(data)
    if parts is None or rng.random() < 0.08:
        return damage(rng, data)
    change: Callable[[Random, Container], None] = rng.choice(_CHANGES)
    try:
        change(rng, parts)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError):
        return damage(rng, data)
    text = json.dumps(parts.header, default=str).encode("utf-8", "surrogatepass")
    if rng.random() < 0.03:
        text = json_bytes(rng, parts.header)
    return put_together(data[:8], parts.version, text, parts.data)


def change_plan(rng: Random, parts: Container) -> None:
    """Give a plan other kernels, layouts, bands or threads, mostly possible ones."""
    plan = parts.header["plan"]
    nodes = [node["id"] for node in parts.header["nodes"]]
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        kind = rng.randrange(6)
        choice = rng.choice(list(plan["choices"].values()))
        if kind == 0:
            choice["candidate"] = rng.choice(TABLE).name
        elif kind == 1:
            choice["form"] = [rng.choice(KINDS), rng.choice([1, 1, 1, 2, 3])]
        elif kind == 2:
            choice["variant"] = rng.choice(VARIANTS)
        elif kind == 3:
            slot = rng.choice(list(plan["forms"]))
            plan["forms"][slot] = [rng.choice(KINDS), rng.choice([1, 1, 1, 2, 4])]
        elif kind == 4:
            rows = rng.choice([1, 2, 3, 4, 8, number(rng)])
            ends = sorted(rng.sample(range(len(nodes)), 2))
            first, last = (nodes[i] for i in ends)
            plan["bands"] = [*plan["bands"], [first, last, rows]]
        else:
            plan["threads"], plan["used"] = rng.choice(
                [(1, 1), (2, 2), (3, 1), (200, 7)]
            )


def _plan_tree(rng: Random, parts: Container) -> None:
    parts.header["plan"] = tree(rng, parts.header["plan"])


def _nodes(rng: Random, parts: Container) -> None:
    parts.header["nodes"] = tree(rng, parts.header["nodes"])


def _attributes(rng: Random, parts: Container) -> None:
    """Give one node another attribute, shape or input."""
    node = rng.choice(parts.header["nodes"])
    kind = rng.random()
    if kind < 0.6 and node["attrs"]:
        name = rng.choice(list(node["attrs"]))
        old = node["attrs"][name]
        if isinstance(old, list) and old:
            at = rng.randrange(len(old))
            old[at] = scalar(rng, old[at])
        else:
            node["attrs"][name] = scalar(rng, old)
    elif kind < 0.8:
        at = rng.randrange(len(node["shape"]))
        node["shape"][at] = number(rng, node["shape"][at])
        if node["op"] == "input":
            node["attrs"]["shape"] = node["shape"]
    elif node["inputs"]:
        other = rng.choice(parts.header["nodes"])["id"]
        node["inputs"][rng.randrange(len(node["inputs"]))] = other


def _sections(rng: Random, parts: Container) -> None:
    """Let sections claim other places, sizes, shapes, or change places."""
    sections = parts.header["sections"]
    kind = rng.random()
    if kind < 0.3:
        parts.header["sections"] = tree(rng, sections)
    elif kind < 0.5:
        node = rng.choice([n for n in parts.header["nodes"] if n["params"]])
        name = rng.choice(list(node["params"]))
        node["params"][name] = rng.choice([rng.randrange(len(sections)), number(rng)])
    elif kind < 0.7:
        one, other = rng.choice(sections), rng.choice(sections)
        key = rng.choice(["shape", "encoding", "bytes", "offset"])
        one[key], other[key] = other[key], one[key]
    else:
        section = rng.choice(sections)
        at = rng.randrange(len(section["shape"]))
        section["shape"][at] = number(rng, section["shape"][at])


def _bytes(rng: Random, parts: Container) -> None:
    """Change the bytes of a section and seal it again."""
    section = rng.choice(parts.header["sections"])
    start, stop = section["offset"], section["offset"] + section["bytes"]
    inside = damage(rng, parts.data[start:stop])[: stop - start]
    inside += b"\0" * (stop - start - len(inside))
    section["sha256"] = hashlib.sha256(inside).hexdigest()
    parts.data = parts.data[:start] + inside + parts.data[stop:]


_CHANGES = (
    *(change_plan, change_plan, change_plan, _plan_tree),
    *(_nodes, _attributes, _attributes, _sections, _bytes),
)
