"""Networks with several inputs and outputs, as graphs: calls, files and refusals."""

from pathlib import Path

import numpy as np
import pytest

from workbench.engine.compile import compile_graph
from workbench.engine.file import VERSION
from workbench.engine.graph.graph import Graph, GraphError, Node
from workbench.engine.graph.passes import simplify
from workbench.engine.graph.signature import Signature
from workbench.engine.program import Program
from workbench.errors import WorkbenchError
from workbench.kernels.backend import forced_isa, info

RNG = np.random.default_rng(3)
A, B = (
    RNG.standard_normal((2, 3, 5, 7)).astype(np.float32),
    RNG.standard_normal((2, 3, 5, 7)).astype(np.float32),
)
WEIGHT = RNG.standard_normal((4, 3, 1, 1)).astype(np.float32)
NAMES = Signature(("left", "right"), ("sum", "maps", "left", "again"), "dict")


def source(name: str, shape: tuple[int, ...] = (3, 5, 7)) -> Node:
    return Node(name, "input", (), shape, {"shape": shape})


def two_in_four_out() -> Graph:
    """Return a sum, a convolution of it, an input as it is, and the sum again."""
    params = {"weight": WEIGHT, "bias": np.zeros(4, np.float32)}
    nodes = (
        source("a"),
        source("b"),
        Node("s", "add", ("a", "b"), (3, 5, 7)),
        Node("c", "conv2d", ("s",), (4, 5, 7), {}, params),
        Node("r", "relu", ("c",), (4, 5, 7)),
    )
    return Graph("two", nodes, ("s", "r", "a", "s"), NAMES)


def wanted() -> dict[str, np.ndarray]:
    total = A + B
    maps = np.maximum(np.einsum("oc,nchw->nohw", WEIGHT[:, :, 0, 0], total), 0)
    return {"sum": total, "maps": maps, "left": A, "again": total}


def check(result: dict[str, np.ndarray]) -> None:
    assert list(result) == ["sum", "maps", "left", "again"]
    for name, array in wanted().items():
        assert result[name].flags.c_contiguous
        np.testing.assert_allclose(result[name], array, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("isa", ["numpy", info().isa])
def test_each_output_comes_back_under_its_name(isa: str) -> None:
    with forced_isa(isa):
        program = compile_graph(two_in_four_out(), tune="model")
        check(program(A, B))
        check(program({"right": B, "left": A}))
    assert program.inputs == {"left": (3, 5, 7), "right": (3, 5, 7)}
    assert program.outputs["maps"] == (4, 5, 7)


def test_measured_plans_of_two_inputs_are_right(tmp_path: Path) -> None:
    program = compile_graph(two_in_four_out(), cache=tmp_path, budget_s=1, threads=2)
    check(program(A, B))


def test_a_file_keeps_names_and_structure(tmp_path: Path) -> None:
    path = tmp_path / "two.wbp"
    compile_graph(two_in_four_out(), tune="model").save(path)
    assert path.read_bytes()[8] == VERSION == 3
    check(Program.load(path)(A, B))


def test_a_plain_network_is_still_written_for_old_versions(tmp_path: Path) -> None:
    path = tmp_path / "one.wbp"
    graph = Graph("g", (source("input"), Node("r", "relu", ("input",), (3, 5, 7))), "r")
    compile_graph(graph, tune="model").save(path)
    assert path.read_bytes()[8] == 1
    np.testing.assert_array_equal(Program.load(path)(A), np.maximum(A, 0))


@pytest.mark.parametrize(
    ("structure", "kind"), [("tuple", tuple), ("list", list), ("tensor", np.ndarray)]
)
def test_one_output_comes_back_in_its_structure(structure: str, kind: type) -> None:
    graph = Graph(
        "g",
        (source("x"), Node("r", "relu", ("x",), (3, 5, 7))),
        "r",
        Signature(("x",), ("0",), structure),  # type: ignore[arg-type]
    )
    result = compile_graph(graph, tune="model")(A)
    assert type(result) is kind
    first = result if structure == "tensor" else result[0]
    np.testing.assert_array_equal(first, np.maximum(A, 0))


def test_an_identity_as_output_is_the_tensor_before_it() -> None:
    nodes = (
        source("x"),
        Node("r", "relu", ("x",), (3, 5, 7)),
        Node("i", "identity", ("r",), (3, 5, 7)),
        Node("h", "hardswish", ("r",), (3, 5, 7)),
    )
    graph = simplify(Graph("g", nodes, ("i", "h", "x")))
    assert graph.outputs == ("r", "h", "x")
    first, second, third = compile_graph(graph, tune="model")(A)
    relu = np.maximum(A, 0)
    np.testing.assert_array_equal(first, relu)
    np.testing.assert_allclose(
        second, relu * np.clip(relu + 3, 0, 6) / 6, rtol=1e-6, atol=1e-6
    )
    np.testing.assert_array_equal(third, A)


def test_a_layer_that_is_an_output_keeps_its_own_numbers() -> None:
    """What is folded into a layer must not show in what the layer gives out."""
    params = {"weight": WEIGHT, "bias": np.zeros(4, np.float32)}
    scale = {name: np.full(4, 2, np.float32) for name in ("scale", "shift")}
    nodes = (
        source("x"),
        Node("c", "conv2d", ("x",), (4, 5, 7), {}, params),
        Node("b", "batchnorm", ("c",), (4, 5, 7), {}, scale),
        Node("r", "relu", ("b",), (4, 5, 7)),
    )
    conv, relu = compile_graph(Graph("g", nodes, ("c", "r")), tune="model")(A)
    raw = np.einsum("oc,nchw->nohw", WEIGHT[:, :, 0, 0], A)
    np.testing.assert_allclose(conv, raw, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(relu, np.maximum(2 * raw + 2, 0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ((A,), "1 input"),
        ((A, B, A), "3 inputs"),
        (({"left": A},), "inputs called 'left'"),
        ((A, B[:1]), "inputs of 1 and 2 images"),
        ((A, B[:, :2]), "input 'right' of shape (2, 2, 5, 7)"),
    ],
)
def test_other_inputs_are_refused(given: tuple[object, ...], found: str) -> None:
    program = compile_graph(two_in_four_out(), tune="model")
    with pytest.raises(WorkbenchError) as caught:
        program(*given)
    assert caught.value.found == found


def test_one_shape_of_several_is_not_guessed() -> None:
    graph = two_in_four_out()
    with pytest.raises(GraphError, match="2 inputs"):
        _ = graph.input_shape
    with pytest.raises(GraphError, match="4 outputs"):
        _ = graph.output


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (Signature(("a",), ("x", "y"), "dict"), "1 names for 2 inputs"),
        (Signature(("a", "b"), ("x", "x"), "dict"), "1 names for 2 outputs"),
        (Signature(("a", "b"), ("x", "y"), "tensor"), "2 results in one tensor"),
        (Signature(("a", "b"), ("x", "y"), "set"), "results in a 'set'"),  # type: ignore[arg-type]
        (Signature(("a", ""), ("x", "y"), "dict"), "inputs whose names are no text"),
    ],
)
def test_names_that_do_not_fit_are_refused(names: Signature, found: str) -> None:
    with pytest.raises(GraphError, match=found):
        Graph("g", (source("a"), source("b")), ("a", "b"), names)


def test_inputs_come_first() -> None:
    nodes = (source("a"), Node("r", "relu", ("a",), (3, 5, 7)), source("b"))
    with pytest.raises(GraphError, match="an input 'b' behind other nodes"):
        Graph("g", nodes, "r")
