"""Measured times on disk, so that a network is tuned once on a machine.

Belongs here: keys and the cache file. A time is valid for one CPU model,
instruction set, kernels version, thread count, shape and, where the kernel
skips zeros, one kind of zeros (`structure`).
"""

import hashlib
import os
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import workbench
from workbench.engine.candidates import TABLE, Candidate
from workbench.engine.graph.graph import Node
from workbench.engine.graph.structure import structure
from workbench.engine.graph.weights import is_weighted, nonzero_mask
from workbench.engine.layout.layout import Layout
from workbench.engine.stored.sealed import read_sealed, remove, write_sealed
from workbench.kernels import info

CACHE_VERSION = 8

LONGEST_MS = 1e9
"""What takes longer was not measured: the file is damaged."""


@cache
def cpu_model() -> str:
    """Return the name of this processor as the system gives it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return "unknown"
    fields = dict(
        (key.strip(), value.strip())
        for key, _, value in (line.partition(":") for line in text.splitlines())
        if key.strip() in ("vendor_id", "cpu family", "model", "model name", "stepping")
    )
    return " ".join(fields[key] for key in sorted(fields))


def machine_key(threads: int) -> str:
    """Return what every measured time is bound to, in sixteen digits."""
    kernels = info()
    machine = (
        CACHE_VERSION,
        workbench.__version__,
        cpu_model(),
        kernels.isa,
        kernels.compiler,
        _build(),
        [candidate.name for candidate in TABLE],
        threads,
    )
    return hashlib.sha256(repr(machine).encode()).hexdigest()[:16]


def _build() -> tuple[int, int]:
    """Return size and time of the compiled module: another build, other times."""
    try:
        spec = find_spec("workbench.kernels._native")
        stat = Path(spec.origin or "").stat() if spec is not None else None
    except OSError:
        return (0, 0)
    return (0, 0) if stat is None else (stat.st_size, stat.st_mtime_ns)


def default_cache() -> Path:
    """Return the folder of caches: ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    home = os.environ.get("XDG_CACHE_HOME")
    base = Path(home) if home else Path.home() / ".cache"
    return base / "pruning-workbench"


def structure_of(node: Node, candidate: Candidate) -> str:
    """Return what a candidate's time depends on besides the shape."""
    if not candidate.reads_structure or not is_weighted(node):
        return ""
    return node.remember("structure", lambda: structure(nonzero_mask(node)))


def node_key(node: Node, layouts: tuple[Layout, ...]) -> str:
    """Return what identifies a node's work apart from its zeros."""
    shapes = {name: array.shape for name, array in node.params.items()}
    parts = (node.op, node.shape, dict(node.attrs), shapes, layouts)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


class TimingCache:
    """A JSON file of times by key; unreadable files count as empty.

    Parameters
    ----------
    folder : Path or None
        None keeps times in memory only.
    threads : int
        Times of different thread counts live in different files.
    """

    def __init__(self, folder: Path | None, threads: int) -> None:
        name = machine_key(threads)
        self.path = None if folder is None else folder / f"timings-{name}.json"
        self._times: dict[str, float] = dict(_read(self.path))
        self._new: dict[str, float] = {}
        self._variants: dict[str, dict[str, None]] = {}
        for key in self._times:
            self._index(key)

    def get(self, key: str) -> float | None:
        """Return a known time in ms."""
        return self._times.get(key)

    def put(self, key: str, ms: float) -> None:
        """Remember a time."""
        self._index(key)
        self._times[key] = ms
        self._new[key] = ms

    def variants(self, key: str) -> tuple[str, ...]:
        """Return the variants of a trial that have a time under ``key:variant``."""
        return tuple(self._variants.get(key, ()))

    def _index(self, key: str) -> None:
        trial, _, variant = key.rpartition(":")
        self._variants.setdefault(trial, {})[variant] = None

    def save(self) -> None:
        """Add the new times to the file; other processes' times stay.

        A cache folder that cannot be written costs a new measurement next time
        and nothing else.
        """
        if self.path is None or not self._new:
            return
        write_sealed(self.path, {**_read(self.path), **self._new})
        self._new = {}

    def forget(self) -> None:
        """Remove the file, if there is one and that can be done."""
        if self.path is not None:
            remove(self.path)


def _read(path: Path | None) -> Mapping[str, float]:
    if path is None:
        return {}
    data = read_sealed(path) or {}
    return {key: ms for key, ms in data.items() if _is_time(ms)}


def _is_time(ms: object) -> bool:
    return type(ms) in (int, float) and 0 < ms < LONGEST_MS  # type: ignore[operator]
