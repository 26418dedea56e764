"""What is asked of each network of the zoo, one function a question.

Belongs here: running one network in this process. Does not belong here: the list
(zoo_networks.py), processes and files (zoo.py).
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

import workbench as wb
from benchmarks.zoo_networks import entry_of, load
from workbench.capture.from_torch.torch_export import capture, shapes_of
from workbench.engine.program import Program
from workbench.measure.contenders import peer_contender, subject_of
from workbench.measure.interleave import Settings, measure_contenders
from workbench.measure.onnx_model import to_onnx
from workbench.measure.peers import onnxruntime, ours
from workbench.measure.peers.subject import OnnxNetwork, joined
from workbench.models.network import Network

TOLERANCE = 1e-4
"""Of the largest number."""

FILTERS, WEIGHTS = 0.3, 0.9
"""Shares that are pruned: filters for what is cut out, weights for what is timed."""

ROUNDS = 60


@dataclass(frozen=True)
class Answer:
    """One cell of the table.

    Parameters
    ----------
    column : str
    ok : bool
    value : str
        What the cell shows.
    note : str
        Why not, in the words of the error.
    """

    column: str
    ok: bool
    value: str
    note: str = ""


class Case:
    """A network of the list, or an ONNX file, loaded once for all questions."""

    def __init__(self, name: str, *, small: bool) -> None:
        self.name, self.small = name, small
        self.path = Path(name) if name.endswith(".onnx") else None

    @cached_property
    def network(self) -> Network:
        """The network of the list."""
        return load(entry_of(self.name), small=self.small)

    @cached_property
    def file(self) -> OnnxNetwork:
        """The ONNX file; sides that it leaves free are 320."""
        assert self.path is not None
        return OnnxNetwork.read(self.path, input_shape=free_shape(self.path))

    @cached_property
    def x(self) -> torch.Tensor:
        """Two images."""
        given = self.network if self.path is None else self.file
        count = 2 if self.path is None else 1
        draw = torch.Generator().manual_seed(1)
        return torch.randn(count, *given.input_shape, generator=draw)


def free_shape(path: Path, side: int = 320) -> tuple[int, int, int] | None:
    """Return a shape for a file that leaves its sides free, None for others."""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    weights = {one.name for one in graph.initializer}
    first = next(one for one in graph.input if one.name not in weights)
    sizes = [one.dim_value for one in first.type.tensor_type.shape.dim][1:]
    if len(sizes) != 3 or all(sizes):
        return None
    channels, height, width = sizes
    return channels or 3, height or side, width or side


def captured(case: Case) -> Iterator[Answer]:
    """Is the network read without an error?"""
    if case.path is None:
        graph = capture(case.network)
    else:
        from workbench.capture.from_onnx.onnx_import import import_onnx

        graph = import_onnx(case.path, input_shape=free_shape(case.path))
    yield Answer("captured", True, f"{len(graph.nodes)} nodes")


def equal(case: Case) -> Iterator[Answer]:
    """Does the program give the numbers of its source, and what runs in it?"""
    if case.path is None:
        program = wb.compile(case.network, tune="model", check=False)
        with torch.inference_mode():
            wanted = joined(case.network.module(case.x))
    else:
        program = wb.compile(case.path, example=case.x, tune="model", check=False)
        subject = subject_of(case.file)
        wanted = subject.reference(case.x.numpy())
    yield _compared("equal", _ours(program, case), wanted)
    steps = [step for step in program.steps if step.candidate in ("foreign", "numpy")]
    foreign = [step.kernel for step in steps if step.candidate == "foreign"]
    ours = [step.kernel for step in steps if step.candidate == "numpy"]
    yield Answer("foreign", not foreign, str(len(foreign)), _counted(foreign))
    yield Answer("numpy", not ours, str(len(ours)), _counted(ours))


def shrunk(case: Case) -> Iterator[Answer]:
    """Is the network with filters cut out equal to the masked one?"""
    net = case.network
    pruned = wb.prune(net, wb.Recipe.uniform("filter", FILTERS))
    small = wb.shrink(pruned)
    before, after = (
        sum(p.numel() for p in one.module.parameters()) for one in (net, small)
    )
    with torch.inference_mode():
        wanted = joined(pruned.module(case.x))
        found = joined(small.module(case.x))
    error = _compared("shrunk", found, wanted)
    left = [row for row in pruned.report.layers if row.note and not row.zeros]
    gone = 1 - after / before
    note = "; ".join(dict.fromkeys(row.note for row in left[:6]))
    yield Answer(
        "shrunk",
        error.ok and gone > 0,
        f"-{100 * gone:.0f} %" if error.ok else error.value,
        note or error.note,
    )


def onnx(case: Case) -> Iterator[Answer]:
    """Is the ONNX file right that is written, and do we read it back?"""
    net = case.network
    with torch.inference_mode():
        wanted = joined(net.module(case.x))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.onnx")
        model = to_onnx(net.module, shapes_of(net))
        path.write_bytes(model.SerializeToString())
        written = subject_of(OnnxNetwork(net.name, path, "", net.input_shape, 0.0))
        yield _compared("written", written.reference(case.x.numpy()), wanted)
        program = wb.compile(path, tune="model", check=False)
        yield _compared("read", _ours(program, case), wanted)


def times(case: Case) -> Iterator[Answer]:
    """How long do the dense network, the pruned one and ONNX Runtime take?"""
    given = case.network if case.path is None else case.file
    dense = subject_of(given)
    contenders = [
        peer_contender(ours.PEER, dense, name="dense"),
        peer_contender(onnxruntime.PEER, dense, name="runtime"),
    ]
    if case.path is None:
        pruned = wb.prune(case.network, wb.Recipe.uniform("magnitude", WEIGHTS))
        contenders.append(peer_contender(ours.PEER, subject_of(pruned), name="pruned"))
    measured = measure_contenders(
        contenders, threads=1, rounds=ROUNDS, settings=Settings(budget_s=10.0)
    )
    for row in measured.rows:
        spread = row.spread
        if spread is None:
            yield Answer(row.name, False, "-", str(row.refused or ""))
        else:
            shown = f"{spread.p10_ms:.3g}-{spread.p90_ms:.3g}"
            yield Answer(row.name, True, f"{spread.median_ms:.3g}", shown)


CHECKS: Mapping[str, Callable[[Case], Iterator[Answer]]] = {
    "captured": captured,
    "equal": equal,
    "shrunk": shrunk,
    "onnx": onnx,
    "times": times,
}

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "captured": ("captured",),
    "equal": ("equal", "foreign", "numpy"),
    "shrunk": ("shrunk",),
    "onnx": ("written", "read"),
    "times": ("dense", "pruned", "runtime"),
}
"""Of each question."""

OF_FILES = ("captured", "equal", "times")
"""Questions that are asked of ONNX files."""


def _ours(program: Program, case: Case) -> np.ndarray:
    return joined(list(program.results(case.x.numpy())))


def _compared(column: str, found: np.ndarray, wanted: np.ndarray) -> Answer:
    if found.size != wanted.size:
        return Answer(column, False, "shape", f"{found.shape} for {wanted.shape}")
    if not np.isfinite(wanted).all():
        return Answer(column, False, "NaN", "the source gives numbers without end")
    scale = max(float(np.abs(wanted).max()), 1e-3)
    error = float(np.abs(found.reshape(wanted.shape) - wanted).max()) / scale
    return Answer(column, error <= TOLERANCE, f"{error:.0e}")


def _counted(names: list[str]) -> str:
    found: dict[str, Any] = {}
    for name in names:
        found[name] = found.get(name, 0) + 1
    return ", ".join(f"{name} x{count}" for name, count in sorted(found.items()))
