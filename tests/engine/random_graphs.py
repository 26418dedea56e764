"""Random small networks: graphs of the engine, what torch makes of them, random plans.

Drawn are 2 to 9 layers over images of 1 to 12 rows of 1 to 33 pixels: convolutions of
any stride, dilation, grouping and padding, batch norms, activations, pools, sums and
products of earlier values, concats, slices, shuffles, upsampling, and a classifier. The
plan that runs one is the cost model's, or takes kernels and layouts at random.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F

from tests.kernels.float64 import activate
from workbench.engine.candidates import Form
from workbench.engine.compile import compile_graph
from workbench.engine.graph.fields import ACTIVATIONS, act_of
from workbench.engine.graph.graph import INPUT, Graph, Node
from workbench.engine.graph.ops import infer_shape
from workbench.engine.graph.passes import simplify
from workbench.engine.planning.costs import ModelCosts, Option
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import find_slots
from workbench.engine.program import Program
from workbench.errors import WorkbenchError
from workbench.kernels import Activation

STRIDES = ((1, 1),) * 4 + ((2, 2), (2, 2), (3, 3), (1, 2), (3, 2), (2, 1))
OPS = ("conv2d",) * 8 + (
    "depthwise",
    "depthwise",
    "max_pool",
    "avg_pool",
    "batchnorm",
    "act",
    "act",
    "add",
    "add",
    "mul",
    "scale",
    "concat",
    "slice",
    "channel_shuffle",
    "upsample_nearest",
)
KINDS = tuple(kind for kind in ACTIVATIONS if kind != "exp")
NUMBERS = {"lo": -0.5, "hi": 0.75, "alpha": 0.2}


class Draw:
    """Grows a graph node by node; values of equal shape are added to each other."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        shape = tuple(int(n) for n in rng.integers((1, 1, 1), (9, 13, 34)))
        self.nodes = [Node(INPUT, INPUT, (), shape, {"shape": shape})]
        for _ in range(int(rng.integers(2, 10))):
            self.grow(str(rng.choice(OPS)))
        if rng.random() < 0.4:
            self.classify()

    @property
    def graph(self) -> Graph:
        """Return what has grown; values that nobody reads are left out."""
        return Graph("random", tuple(self.nodes), self.nodes[-1].id)

    def pick(self) -> Node:
        """Return the last value, or an earlier one."""
        back = 1 if self.rng.random() < 0.7 else int(self.rng.integers(1, 4))
        return self.nodes[-min(back, len(self.nodes))]

    def put(self, op: str, inputs: Sequence[Node], attrs=None, params=None) -> None:
        """Append a node, unless its shape would not be one."""
        attrs, params = attrs or {}, params or {}
        shapes = [node.shape for node in inputs]
        try:
            shape = infer_shape(op, shapes, attrs, params)
        except WorkbenchError:
            return
        if max(shape) > 80:
            return
        names = tuple(node.id for node in inputs)
        self.nodes.append(Node(f"n{len(self.nodes)}", op, names, shape, attrs, params))

    def grow(self, op: str) -> None:
        """Append a node of a kind that fits."""
        rng, source = self.rng, self.pick()
        alike = [n for n in self.nodes if n.shape == source.shape]
        other = alike[rng.integers(len(alike))]
        if op in ("conv2d", "depthwise"):
            self.convolve(source, depthwise=op == "depthwise")
        elif op in ("max_pool", "avg_pool"):
            self.pool(source, op)
        elif op == "batchnorm":
            scale, shift = (self.normal(source.shape[0]) for _ in range(2))
            self.put(op, [source], None, {"scale": scale, "shift": shift})
        elif op == "act":
            kind = str(rng.choice(KINDS))
            self.put(kind, [source], {n: NUMBERS[n] for n in ACTIVATIONS[kind]})
        elif op in ("add", "mul"):
            self.put(op, [source, other])
        elif op == "scale":
            self.put("adaptive_avg_pool", [source], {"size": (1, 1)})
            self.put("sigmoid", [self.nodes[-1]])
            self.put("mul", [source, self.nodes[-1]])
        elif op == "concat":
            same = [n for n in self.nodes if n.shape[1:] == source.shape[1:]]
            count = int(rng.integers(2, 4))
            self.put(op, [same[rng.integers(len(same))] for _ in range(count)])
        elif op == "slice":
            start = int(rng.integers(source.shape[0]))
            stop = int(rng.integers(start, source.shape[0])) + 1
            self.put(op, [source], {"start": start, "stop": stop})
        elif op == "channel_shuffle":
            self.put(op, [source], {"groups": int(rng.choice([2, 3]))})
        else:
            scale = tuple(int(n) for n in rng.integers(1, 3, 2))
            self.put(op, [source], {"scale": scale})

    def normal(self, *shape: int) -> np.ndarray:
        """Return random float32."""
        return self.rng.standard_normal(shape, dtype=np.float32)

    def convolve(self, source: Node, *, depthwise: bool) -> None:
        """Append a convolution."""
        rng, channels = self.rng, source.shape[0]
        groups = channels if depthwise else int(rng.choice([1, 1, 1, 2, 3]))
        if channels % groups:
            groups = 1
        kernel = [int(k) for k in rng.choice([1, 1, 2, 3, 3, 3, 5, 7], 2)]
        if rng.random() < 0.6:
            kernel[1] = kernel[0]
        dilation = tuple(int(d) for d in rng.choice([1, 1, 1, 2, 5], 2))
        spans = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
        same = (spans[0] // 2, spans[1] // 2) * 2
        uneven = tuple(int(rng.integers(0, span + 2)) for span in spans * 2)
        padding = same if rng.random() < 0.6 else uneven
        outputs = 1 if depthwise else int(rng.choice([1, 2, 3, 4, 8, 9, 16]))
        weight = self.normal(outputs * groups, channels // groups, *kernel)
        weight *= rng.random(weight.shape) < rng.choice([0.1, 0.5, 1.0])
        weight /= max(1, spans[0] + spans[1])
        attrs = {
            "stride": STRIDES[rng.integers(len(STRIDES))],
            "padding": padding,
            "dilation": dilation,
            "groups": groups,
        }
        params = {"weight": weight, "bias": self.normal(outputs * groups)}
        self.put("conv2d", [source], attrs, params)

    def pool(self, source: Node, op: str) -> None:
        """Append a pool with padding of at most half its kernel."""
        rng = self.rng
        kernel = tuple(int(k) for k in rng.integers(1, 4, 2))
        top, left = (int(rng.integers(0, k // 2 + 1)) for k in kernel)
        attrs = {
            "kernel": kernel,
            "stride": tuple(int(s) for s in rng.integers(1, 4, 2)),
            "padding": (top, left, top, left),
            "ceil_mode": bool(rng.random() < 0.3),
        }
        if op == "avg_pool":
            attrs["count_include_pad"] = bool(rng.random() < 0.5)
        self.put(op, [source], attrs)

    def classify(self) -> None:
        """End in a classifier over everything, or over the means of the channels."""
        source = self.nodes[-1]
        if self.rng.random() < 0.5:
            self.put("global_avg_pool", [source], {"rank": 1})
        else:
            self.put("flatten", [source])
        features = self.nodes[-1].shape
        if len(features) == 1:
            weight = self.normal(5, features[0]) / np.float32(features[0])
            self.put(
                "linear",
                [self.nodes[-1]],
                None,
                {"weight": weight, "bias": self.normal(5)},
            )


def torch_results(graph: Graph, x: np.ndarray) -> np.ndarray:
    """Return what torch computes for a graph, in float64."""
    values: dict[str, torch.Tensor] = {}
    for node in graph:
        inputs = [values[name] for name in node.inputs]
        params = {
            name: torch.from_numpy(value.astype(np.float64))
            for name, value in node.params.items()
        }
        if node.op == INPUT:
            values[node.id] = torch.from_numpy(x).double()
        else:
            values[node.id] = _apply(node, inputs, params)
    return values[graph.output].numpy()


def _apply(
    node: Node, inputs: list[torch.Tensor], params: dict[str, torch.Tensor]
) -> torch.Tensor:
    op, attrs, x = node.op, node.attrs, inputs[0]
    if op == "conv2d":
        top, left, bottom, right = attrs["padding"]
        x = F.pad(x, (left, right, top, bottom))
        how = {name: attrs[name] for name in ("stride", "dilation", "groups")}
        return F.conv2d(x, params["weight"], params["bias"], **how)
    if op in ("max_pool", "avg_pool"):
        how = {name: attrs[name] for name in ("stride", "ceil_mode")}
        how["padding"] = attrs["padding"][:2]
        if op == "max_pool":
            return F.max_pool2d(x, attrs["kernel"], **how)
        how["count_include_pad"] = attrs["count_include_pad"]
        return F.avg_pool2d(x, attrs["kernel"], **how)
    if op == "batchnorm":
        scale, shift = (params[name][:, None, None] for name in ("scale", "shift"))
        return x * scale + shift
    if op in ACTIVATIONS:
        return torch.from_numpy(activate(x.numpy(), Activation.of(*act_of(op, attrs))))
    simple = {
        "add": lambda: x + inputs[1],
        "mul": lambda: x * inputs[1],
        "concat": lambda: torch.cat(inputs, 1),
        "slice": lambda: x[:, attrs["start"] : attrs["stop"]],
        "channel_shuffle": lambda: F.channel_shuffle(x, attrs["groups"]),
        "upsample_nearest": lambda: F.interpolate(x, scale_factor=attrs["scale"]),
        "adaptive_avg_pool": lambda: F.adaptive_avg_pool2d(x, attrs["size"]),
        "global_avg_pool": lambda: x.mean((2, 3)),
        "flatten": lambda: x.flatten(1),
        "linear": lambda: F.linear(x, params["weight"], params["bias"]),
    }
    return simple[op]()


class RandomCosts(ModelCosts):
    """Options that cost anything: the cheapest plan is one of all."""

    def __init__(self, graph: Graph, rng: np.random.Generator) -> None:
        super().__init__(graph, 1)
        self._rng = rng
        self._drawn: dict[str, list[Option]] = {}

    def options(self, node: Node) -> Sequence[Option]:
        """Return the options of a node with random times, the same ones every time."""
        if node.id not in self._drawn:
            found = super().options(node)
            times = self._rng.random(len(found))
            self._drawn[node.id] = [
                replace(option, ms=float(ms))
                for option, ms in zip(found, times, strict=True)
            ]
        return self._drawn[node.id]

    def copy_ms(self, shape: tuple[int, ...], source: Form, target: Form) -> float:
        """Return a modelled time, of the size of the others."""
        return 100 * super().copy_ms(shape, source, target)


def program_of(graph: Graph, rng: np.random.Generator, *, threads: int = 1) -> Program:
    """Return a program of a graph by the cost model, or by a plan at random."""
    if rng.random() < 0.5:
        return compile_graph(graph, threads=threads, tune="model")
    simple = simplify(graph)
    costs = RandomCosts(simple, rng)
    return Program(simple, select(simple, find_slots(simple), costs, threads))
