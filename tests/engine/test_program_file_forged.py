"""Files with right seals that their writer never made: refused, or planned anew."""

import hashlib
import json
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.nets import make
from tests.fuzz.programs import Container, put_together, take_apart
from workbench.capture.compile import compile
from workbench.engine.file import ProgramFileError
from workbench.engine.fits import misfit
from workbench.engine.planning.costs import ModelCosts
from workbench.engine.planning.plan import Band
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import find_slots
from workbench.engine.program import Program
from workbench.engine.stored.filed import ALIGN
from workbench.errors import WorkbenchError

Change = Callable[[Any], None]


class Saved:
    """A saved program, what it computes, and forged copies of it."""

    def __init__(self, folder: Path, name: str, sparsity: float) -> None:
        module, x = make(name, sparsity)
        self.program = compile(module, example=x, tune="model")
        self.images = x.numpy()
        self.expected = self.program(self.images)
        self.path = folder / f"{name}.wbp"
        self.program.save(self.path)

    def parts(self) -> Container:
        parts = take_apart(self.path.read_bytes())
        assert parts is not None
        return parts

    def forge(self, change: Change, data: bytes | None = None) -> Path:
        parts = self.parts()
        change(parts.header)
        text = json.dumps(parts.header).encode()
        magic = self.path.read_bytes()[:8]
        body = parts.data if data is None else data
        path = self.path.with_name("forged.wbp")
        path.write_bytes(put_together(magic, parts.version, text, body))
        return path


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    return Saved(tmp_path_factory.mktemp("wbp"), "vgg", 0.8)


def first(header: Any, op: str) -> Any:
    return next(node for node in header["nodes"] if node["op"] == op)


def pooled(**attrs: object) -> Change:
    return lambda header: first(header, "max_pool")["attrs"].update(attrs)


GRAPHS: dict[str, tuple[Change, str]] = {
    "stride": (pooled(stride=[2**63 - 1, 2**63 - 1]), r"stride \(9223372036854775807"),
    "stride of 0": (pooled(stride=[0, 1]), r"stride \(0, 1\)"),
    "kernel": (pooled(kernel=[2**40, 3]), r"kernel \(1099511627776, 3\)"),
    "kind": (pooled(kernel={"y": 3}), "kernel is"),
    "attribute": (pooled(kernel=[[[[[[3]]]]]]), "lists at most 4 deep"),
    "rank": (
        lambda h: first(h, "linear")["attrs"].update(rank=300_000_000),
        "rank 300000000",
    ),
    "inputs": (lambda h: first(h, "linear").update(inputs=[["a"]]), "no name"),
    "nodes": (lambda h: h.update(nodes=7), "nodes is 7; expected a list"),
    "params": (lambda h: first(h, "linear").update(params=None), "params is None"),
    "no output": (lambda h: h.pop("output"), "the output is None"),
    "input": (
        lambda h: first(h, "input").update(shape=[2, 2**30, 2**30]),
        "holds no network",
    ),
}


@pytest.mark.parametrize("name", list(GRAPHS))
def test_networks_that_are_none_are_refused(saved: Saved, name: str) -> None:
    change, message = GRAPHS[name]
    with pytest.raises(ProgramFileError, match=message):
        Program.load(saved.forge(change))


def sections(change: Callable[[list[Any]], object]) -> Change:
    return lambda header: change(header["sections"])


SECTIONS: dict[str, tuple[Change, str]] = {
    "shape": (sections(lambda s: s[0].update(shape=[2**40, 1, 1, 1])), "for the shape"),
    "product": (sections(lambda s: s[0].update(shape=[2**40] * 4)), "for the shape"),
    "empty": (sections(lambda s: s[0].update(shape=[0, 2**40])), "an axis is 0"),
    "bytes": (sections(lambda s: s[1].update(bytes=2**47)), "sections? .*bytes at"),
    "short": (
        sections(lambda s: s[1].update(bytes=s[1]["bytes"] - 4)),
        "bytes for the shape",
    ),
    "place": (sections(lambda s: s[1].update(offset=0)), "bytes at is 0"),
    "negative": (sections(lambda s: s[1].update(offset=-64)), "offset of a section is"),
    "encoding": (sections(lambda s: s[0].update(encoding="pickle")), "'pickle'"),
    "number": (sections(lambda s: s[0].update(shape=[1.5])), "an axis is 1.5"),
    "lost": (
        lambda h: first(h, "linear")["params"].update(weight=10**6),
        "section of 'weight' is 1000000",
    ),
    "twice": (
        lambda h: first(h, "linear")["params"].update(weight=0),
        "a section of its own",
    ),
    "unused": (lambda h: first(h, "linear")["params"].pop("bias"), "sections is"),
}


@pytest.mark.parametrize("name", list(SECTIONS))
def test_sections_that_do_not_hold_their_shape_are_refused(
    saved: Saved, name: str
) -> None:
    change, message = SECTIONS[name]
    with pytest.raises(ProgramFileError, match=message):
        Program.load(saved.forge(change))


def test_a_bitmask_with_other_weights_than_ones_is_refused(saved: Saved) -> None:
    parts = saved.parts()
    at = next(
        i for i, s in enumerate(parts.header["sections"]) if s["encoding"] == "bitmask"
    )
    section = parts.header["sections"][at]
    start, stop = section["offset"], section["offset"] + section["bytes"]
    body = bytearray(parts.data)
    body[start] ^= 1
    digest = hashlib.sha256(body[start:stop]).hexdigest()
    forged = saved.forge(sections(lambda s: s[at].update(sha256=digest)), bytes(body))
    with pytest.raises(ProgramFileError, match=r"a mask of \d+ ones for \d+ weights"):
        Program.load(forged)


def test_json_that_goes_too_deep_is_refused(saved: Saved) -> None:
    parts = saved.parts()
    text = b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    forged = saved.path.with_name("deep.wbp")
    forged.write_bytes(
        put_together(saved.path.read_bytes()[:8], parts.version, text, parts.data)
    )
    with pytest.raises(ProgramFileError, match="the header is 'RecursionError'"):
        Program.load(forged)


def test_a_small_file_takes_no_gigabytes(tmp_path: Path) -> None:
    data = put_together(
        b"\x93WBPROG\n",
        1,
        json.dumps(
            {
                "name": "n",
                "output": "r",
                "nodes": [
                    node("x", "input", [], {"shape": [1, 20_000, 20_000]}),
                    node("r", "relu", ["x"], {}),
                ],
                "plan": None,
                "sections": [],
                "data_bytes": 0,
            }
        ).encode(),
        b"",
    )
    assert len(data) < 1024
    (tmp_path / "n.wbp").write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WorkbenchError, match=r"activations of .* MiB"):
        Program.load(tmp_path / "n.wbp")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 << 10


def node(name: str, op: str, inputs: list[str], attrs: dict[str, Any]) -> Any:
    shape = [1, 20_000, 20_000]
    fields = {"id": name, "op": op, "inputs": inputs, "shape": shape}
    return {**fields, "attrs": attrs, "params": {}}


def chosen(header: Any, op: str) -> Any:
    return header["plan"]["choices"][first(header, op)["id"]]


def banded(*bands: list[Any]) -> Change:
    def change(header: Any) -> None:
        ids = [node["id"] for node in header["nodes"]]
        named = [[ids[a], ids[b], rows] for a, b, rows in bands]
        header["plan"]["bands"] = named

    return change


PLANS: dict[str, Change] = {
    "another kernel": lambda h: chosen(h, "conv2d").update(candidate="depthwise"),
    "no kernel": lambda h: chosen(h, "conv2d").update(candidate="none"),
    "kernel of another operation": lambda h: chosen(h, "conv2d").update(
        candidate="linear-dense"
    ),
    "no variant": lambda h: chosen(h, "conv2d").update(variant="g99-p7"),
    "a layout without padding": lambda h: chosen(h, "conv2d").update(form=["tight", 1]),
    "phases": lambda h: chosen(h, "conv2d").update(form=["planes", 2]),
    "a slot in phases": lambda h: h["plan"]["forms"].update(input=["planes", 2]),
    "features in rows": lambda h: h["plan"]["forms"].update(
        {first(h, "linear")["id"]: ["planes", 1]}
    ),
    "a lost choice": lambda h: h["plan"]["choices"].popitem(),
    "a lost slot": lambda h: h["plan"]["forms"].popitem(),
    "bands of no rows": banded([0, 2, 0]),
    "bands of -1 rows": banded([0, 2, -1]),
    "bands backwards": banded([2, 0, 4]),
    "bands that overlap": banded([0, 2, 4], [1, 3, 4]),
    "threads": lambda h: h["plan"].update(threads=10**6),
    "no plan": lambda h: h.update(plan=None),
    "a plan of text": lambda h: h.update(plan="planes"),
    "a time": lambda h: chosen(h, "conv2d").update(ms="1"),
    "a number for a name": lambda h: chosen(h, "conv2d").update(candidate=7),
}


@pytest.mark.parametrize("name", list(PLANS))
def test_a_plan_that_may_not_run_is_made_anew(saved: Saved, name: str) -> None:
    loaded = Program.load(saved.forge(PLANS[name]))
    assert loaded.plan.bands == ()
    scale = float(np.abs(saved.expected).max())
    np.testing.assert_allclose(loaded(saved.images), saved.expected, atol=1e-5 * scale)


def test_bands_go_through_no_concat(tmp_path: Path) -> None:
    # The parts of a concat are written by several layers, each as far as it got.
    graph = Saved(tmp_path, "branches", 0.8).program.graph
    ids = [node.id for node in graph]
    place = next(i for i, node in enumerate(graph) if node.op == "concat")
    plan = select(graph, find_slots(graph), ModelCosts(graph, 1), 1)
    plan = replace(plan, bands=(Band(ids[place - 1], ids[place], 2),))
    assert "bands through" in str(misfit(graph, find_slots(graph), plan))


def test_a_plan_that_may_run_is_kept(saved: Saved) -> None:
    graph, plan = saved.program.graph, saved.program.plan
    assert misfit(graph, find_slots(graph), plan) is None
    assert Program.load(saved.path).plan.choices == plan.choices


def test_impossible_numbers_of_threads_are_refused(saved: Saved) -> None:
    for threads in (0, -1, 10**6, 1.5, True):
        with pytest.raises(WorkbenchError, match=r"threads=.* from 1 to 256"):
            Program.load(saved.path, threads=threads)  # type: ignore[arg-type]


def test_sections_are_aligned(saved: Saved) -> None:
    assert all(s["offset"] % ALIGN == 0 for s in saved.parts().header["sections"])
