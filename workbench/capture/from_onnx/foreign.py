"""Operations that nobody translates: ONNX's own evaluator runs them, as steps.

Belongs here: a node of the graph for each result of one ONNX node, with a function that
computes it. Does not belong here: deciding which nodes these are (`translate`).
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import defs, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from workbench.capture.arguments import Refused
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_onnx.call import ANY, Call
from workbench.capture.from_onnx.constants import SMALL
from workbench.capture.reshapes import as_shape
from workbench.engine.graph.field_kinds import MOST_AXES, MOST_ELEMENTS

Array = NDArray[np.float32]

RANDOM = ("Bernoulli", "Dropout", "Multinomial")
"""Operations that draw numbers, beside all of them that begin with Random."""

SIZED = frozenset(["Compress", "NonMaxSuppression", "NonZero", "StringSplit", "Unique"])
"""Operations whose results are as large as the numbers say."""

PLACES = {"LSTM": (2, 1, 1), "GRU": (2, 1), "RNN": (2, 1)}
"""Where recurrent layers put the batch of each result."""

MOST_TURNS = 10_000
"""Of a loop: each takes a millisecond or more."""

OLD_WORDS = {"GridSample": {b"bilinear": b"linear", b"bicubic": b"cubic"}}
"""What the evaluator knows by its later name only."""

CUT = (
    "Cut the file before it with onnx.utils.extract_model, and run the rest elsewhere."
)


class NotRun(Exception):
    """The evaluator does not have the operation, or refuses its inputs."""


def foreign(
    b: GraphBuilder,
    node: onnx.NodeProto,
    call: Call,
    captured: Mapping[str, Any],
    imports: Sequence[onnx.OperatorSetIdProto],
) -> list[Value]:
    """Return what one node makes, computed by ONNX's evaluator while a program runs.

    Parameters
    ----------
    b : GraphBuilder
    node : onnx.NodeProto
    call : Call
        The same with its inputs resolved.
    captured : mapping of str to value
        What graphs inside of the node read from outside.
    imports : sequence of onnx.OperatorSetIdProto

    Raises
    ------
    Refused
        Random numbers, or a size that depends on the image.
    NotRun
        The evaluator cannot run it.
    """
    if node.op_type in RANDOM or node.op_type.startswith("Random"):
        raise Refused(f"ONNX {node.op_type} with random numbers", b.where)
    if node.op_type in SIZED:
        raise _sized(b, node)
    _refuse_mixing(b, node, call)
    named = {**dict(zip(node.input, call.inputs, strict=True)), **captured}
    given = {name: value for name, value in named.items() if name and value is not None}
    constants = {n: v for n, v in given.items() if not isinstance(v, Value)}
    order = [(n, v) for n, v in given.items() if isinstance(v, Value)]
    _refuse_huge(b, node, given, imports)
    node = _renamed(node)
    evaluator = _evaluator(node, list(given), imports)
    names = [name for name in node.output if name]

    def run(arrays: Sequence[NDArray[Any]]) -> list[Any]:
        feeds = {
            name: array.reshape(value.full).astype(value.kind)
            for (name, value), array in zip(order, arrays, strict=True)
        }
        with np.errstate(all="ignore"):
            return list(evaluator.run(names, {**constants, **feeds}))

    made = _probed(b, node, [value for _, value in order], run)
    values = [value for _, value in order]
    results = dict(
        zip(
            names,
            (_one(b, node, values, run, made, i) for i in range(len(names))),
            strict=True,
        )
    )
    return [results.get(name) for name in node.output]  # type: ignore[misc]


def _refuse_mixing(b: GraphBuilder, node: onnx.NodeProto, call: Call) -> None:
    """Refuse an operation along the batch, unless the file is of one image."""
    x = next((value for value in call.inputs if isinstance(value, Value)), None)
    if x is None or x.batch is None or call.batch == 1:
        return
    try:
        known = defs.get_schema(node.op_type, call.opset, node.domain).attributes
    except defs.SchemaError:
        known = {}
    default = known["axis"].default_value.i if "axis" in known else None
    axis = call.attrs.get("axis", default)
    axes = [*call.attrs.get("axes", ()), *([] if axis is None else [axis])]
    if x.batch in [int(axis) % len(x.full) for axis in axes]:
        raise Refused(f"ONNX {node.op_type} along the batch (axis={axis})", b.where)


def _evaluator(
    node: onnx.NodeProto, inputs: Sequence[str], imports: Sequence[Any]
) -> ReferenceEvaluator:
    infos = [helper.make_empty_tensor_value_info(name) for name in inputs]
    try:
        return ReferenceEvaluator(_alone(node, infos, (), imports))
    # It says that it lacks an operation in a different way each time.
    except Exception as error:
        raise NotRun(str(error)) from error


def _renamed(node: onnx.NodeProto) -> onnx.NodeProto:
    """Return a node with the words that the evaluator knows."""
    words = OLD_WORDS.get(node.op_type, {})
    made = onnx.NodeProto()
    made.CopyFrom(node)
    for attribute in made.attribute:
        if attribute.s in words:
            attribute.s = words[attribute.s]
    return made


def _alone(
    node: onnx.NodeProto, infos: Any, constants: Any, imports: Sequence[Any]
) -> onnx.ModelProto:
    """Return a model of one node."""
    ends = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "one", infos, ends, constants)
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def _refuse_huge(
    b: GraphBuilder,
    node: onnx.NodeProto,
    given: Mapping[str, Any],
    imports: Sequence[Any],
) -> None:
    """Refuse results beyond the size of a tensor, before anything makes them."""
    if node.op_type == "Loop" and not _ends_soon(node, given):
        what = f"ONNX Loop that may run more than {MOST_TURNS} times"
        raise Refused(what, b.where, advice=CUT)
    infos, constants = [], []
    for name, value in given.items():
        kind = value.kind if isinstance(value, Value) else value.dtype
        shape = value.full if isinstance(value, Value) else value.shape
        number = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        infos.append(helper.make_tensor_value_info(name, number, shape))
        if not isinstance(value, Value) and value.size <= SMALL:
            constants.append(numpy_helper.from_array(value, name))
    model = _alone(node, infos, constants, imports)
    try:
        inferred = shape_inference.infer_shapes(model, data_prop=True)
    except shape_inference.InferenceError as error:
        raise NotRun(str(error)) from error
    for one in inferred.graph.output:
        sizes = [max(dim.dim_value, 1) for dim in one.type.tensor_type.shape.dim]
        if prod(sizes) > MOST_ELEMENTS:
            raise Refused(f"ONNX {node.op_type} that makes {tuple(sizes)}", b.where)


def _ends_soon(node: onnx.NodeProto, given: Mapping[str, Any]) -> bool:
    turns = given.get(node.input[0])
    known = isinstance(turns, np.ndarray) and turns.size == 1
    return known and int(turns.reshape(())) <= MOST_TURNS  # type: ignore[union-attr]


def can_run(node: onnx.NodeProto, imports: Sequence[Any]) -> bool:
    """Say whether the evaluator has an operation at all."""
    try:
        _evaluator(node, [name for name in node.input if name], imports)
    except NotRun:
        return False
    return True


def _probed(b: GraphBuilder, node: onnx.NodeProto, values: Any, run: Any) -> list[Any]:
    """Return results on two noise images, which must have the same shapes."""
    found = []
    for seed in (0, 1):
        noise = np.random.default_rng(seed)
        arrays = [
            noise.uniform(0.1, 1, v.full)
            if v.kind.startswith("float")
            else np.zeros(v.full)
            for v in values
        ]
        try:
            found.append(run(arrays))
        except Exception as error:
            raise NotRun(str(error)) from error
    first: list[Any] = found[0]
    second = found[1]
    for one, other in zip(first, second, strict=True):
        if not isinstance(one, np.ndarray | np.generic) or one.dtype.name not in (
            *ANY,
            "float64",
        ):
            kind = getattr(one, "dtype", type(one).__name__)
            raise Refused(f"ONNX {node.op_type}, whose result is {kind}", b.where)
        if one.shape != other.shape or 0 in one.shape:
            raise _sized(b, node)
        if one.ndim > MOST_AXES or prod(one.shape) > MOST_ELEMENTS:
            raise Refused(f"ONNX {node.op_type} that makes {one.shape}", b.where)
    return first


def _one(
    b: GraphBuilder,
    node: onnx.NodeProto,
    values: Sequence[Value],
    run: Any,
    made: Sequence[Any],
    place: int,
) -> Value:
    full = tuple(int(n) for n in made[place].shape)

    def compute(arrays: Sequence[Array]) -> Array:
        # Nothing of ours is handed out.
        result = run([array.copy() for array in arrays])[place]
        return np.asarray(result, np.float32).reshape(full)

    attrs = {"name": f"onnx.{node.op_type}", "shape": full}
    value = b.add("foreign", values, attrs=attrs, foreign=compute)
    value = Value(value.id, full, None, made[place].dtype.name)
    batch = _batch(node, values, full, place)
    return value if batch is None else as_shape(b, value, full, batch)


def _batch(
    node: onnx.NodeProto, values: Sequence[Value], full: Sequence[int], place: int
) -> int | None:
    places = PLACES.get(node.op_type)
    if places is not None:
        return places[place] if values[0].batch == 1 else None
    batched = any(v.batch == 0 for v in values) and tuple(full[:1]) == (1,)
    return 0 if batched else None


def _sized(b: GraphBuilder, node: onnx.NodeProto) -> Refused:
    what = f"ONNX {node.op_type}, whose result is of a size that depends on the image"
    return Refused(what, b.where, advice=CUT)
