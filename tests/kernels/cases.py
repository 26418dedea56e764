"""Random convolution cases: arrays, expected results, and the run of one step."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.kernels.drawing import draw
from tests.kernels.float64 import activate, convolve
from tests.kernels.layouts import (
    GUARD,
    Room,
    pair,
    put,
    room,
    split_phases,
    taps,
    vectors,
)
from workbench.kernels import Activation, Executor, Placement, Vectors, info

# Sums of up to 1152 products of unit normals in float32, in any order.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}
ISAS = tuple(name for name in info().available if name != "numpy")
EVERY = info().available
# One convolution of fixed shape, for tests that are not about shapes.
SHAPE = {
    "inputs": 16,
    "outputs": 32,
    "groups": 1,
    "kernel": 3,
    "stride": 1,
    "dilation": 1,
    "height": 14,
    "width": 14,
    "source": "aligned",
    "target": "planes",
    "border": 1,
    "density": 0.3,
    "residual": False,
    "act": Activation("relu"),
    "threads": 1,
}


@dataclass(frozen=True, eq=False)
class Case:
    """One convolution with its tensors placed in an arena."""

    source: Room
    target: Room
    residual: Room | None
    table: Vectors
    offsets: np.ndarray  # (C / G, K, K)
    weights: np.ndarray  # (O, C / G, K, K)
    bias: np.ndarray
    image: np.ndarray
    added: np.ndarray | None
    act: Activation
    groups: int
    stride: int
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]
    floats: int
    threads: int

    @property
    def place(self) -> Placement:
        return Placement(
            self.table,
            self.source.geometry.base,
            self.target.geometry.base,
            self.target.geometry.channel_stride,
            self.act,
            None if self.residual is None else self.residual.geometry.base,
            arena_floats=self.floats,
        )

    def dense(self) -> dict:
        """Return weights and offsets as ``conv_dense`` wants them."""
        weights = self.weights.reshape(
            self.groups, len(self.weights) // self.groups, -1
        )
        inputs = np.arange(self.groups) * self.weights.shape[1]
        starts = inputs * self.source.geometry.channel_stride
        offsets = starts[:, None] + self.offsets.reshape(-1)
        return {"weights": weights, "offsets": offsets.astype(np.int32)}

    def shared(self, rng: np.random.Generator, classes: int) -> dict:
        """Keep the same taps in every ``classes``-th filter; return these for both."""
        weights = self.weights.reshape(len(self.weights), -1)
        most = weights.shape[1]
        kept = [rng.permutation(most)[: 1 + most // 2] for _ in range(classes)]
        for o, row in enumerate(weights):
            row[np.delete(np.arange(most), kept[o % classes])] = 0
        taken = [weights[g::classes, taps] for g, taps in enumerate(kept)]
        offsets = self.offsets.reshape(-1)
        return {
            "weights": np.ascontiguousarray(np.stack(taken)),
            "offsets": np.stack([offsets[taps] for taps in kept]).astype(np.int32),
            "interleaved": True,
        }

    def expected(self) -> np.ndarray:
        """Return the result in float64."""
        top, left, bottom, right = self.padding
        image = np.pad(self.image, ((0, 0), (top, bottom), (left, right)))
        out = convolve(
            image,
            self.weights,
            self.bias,
            (self.stride, self.stride),
            self.dilation,
            self.groups,
        )
        if self.added is not None:
            out += self.added
        return activate(out, self.act)

    def run(self, step) -> np.ndarray:
        """Run the step, check that only the target changed, return the target."""
        with Executor([step], arena_floats=self.floats, threads=self.threads) as ex:
            arena = ex.arena
            arena[:] = np.nan
            stored = self.image if self.stride == 1 else split_phases(self.image)
            put(arena, self.source, stored)
            if self.residual is not None:
                arena[self.residual.geometry.addresses()] = self.added
            before = arena.copy()
            ex.run_step(0)
            places = self.target.geometry.addresses()
            result = arena[places]
            untouched = np.ones(self.floats, dtype=bool)
            untouched[places] = False
            np.testing.assert_array_equal(arena[untouched], before[untouched])
        return result


def build(seed: int, shape: dict[str, Any]) -> Case:
    """Place a convolution; ``shape`` is one draw of ``convolutions``."""
    rng = np.random.default_rng(seed)
    groups, stride = shape["groups"], shape["stride"]
    kernel, dilation = pair(shape["kernel"]), pair(shape["dilation"])
    c, o = shape["inputs"] * groups, shape["outputs"] * groups
    spans = [dilation[axis] * (kernel[axis] - 1) for axis in (0, 1)]
    same = (spans[0] // 2, spans[1] // 2) * 2
    padding = shape.get("padding") or same
    h, w = shape["height"], shape["width"]
    image = rng.standard_normal((c, h, w), dtype=np.float32)
    out = [
        (size + padding[axis] + padding[axis + 2] - spans[axis] - 1) // stride + 1
        for axis, size in enumerate((h, w))
    ]
    size = (c, h, w) if stride == 1 else (4 * c, (h + 1) // 2, (w + 1) // 2)
    border = [
        _beside(size[axis + 1], out[axis], padding[axis], spans[axis], stride)
        for axis in (0, 1)
    ]
    kind = shape["source"]
    if kind == "strips" and (kernel != (1, 1) or any(padding) or stride * groups > 1):
        kind = "planes"
    source = room(kind, size, border=(border[0], border[1]))
    target = room(shape["target"], (o, *out), border=shape["border"])
    target = target.moved(up(source.stop))
    stop = target.stop
    residual = None
    if shape["residual"]:
        residual = target.moved(up(target.stop) - up(source.stop))
        stop = residual.stop
    geometry = source.geometry
    offsets = taps(
        geometry, kernel, padding=padding[:2], dilation=dilation, split=stride
    )
    weights = rng.standard_normal((o, c // groups, *kernel), dtype=np.float32)
    weights *= rng.random(weights.shape) < shape["density"]
    columns = -padding[1] // stride, (spans[1] - padding[1]) // stride
    return Case(
        source,
        target,
        residual,
        vectors(geometry, target.geometry, columns),
        offsets[: c // groups],
        weights,
        rng.standard_normal(o, dtype=np.float32),
        image,
        rng.standard_normal((o, *out), dtype=np.float32) if residual else None,
        shape["act"],
        groups,
        stride,
        padding,
        dilation,
        up(stop) + GUARD,
        shape["threads"],
    )


def _beside(size: int, out: int, before: int, span: int, stride: int) -> int:
    """Return how far taps reach beside ``size`` pixels, or those of a phase."""
    last = out - 1 + (span - before) // stride
    return max(0, -(-before // stride), last - (size - 1))


def up(n: int) -> int:
    """Return the next tensor's shift, a multiple of 64 floats beyond the guard."""
    return (n + GUARD + 63) // 64 * 64


def drawn(rng: np.random.Generator) -> dict[str, Any]:
    """Draw a convolution and how it is placed; strides that differ become 1."""
    shape = draw(rng)
    return {
        "inputs": shape.inputs // shape.groups,
        "outputs": shape.outputs // shape.groups,
        "groups": shape.groups,
        "kernel": shape.kernel,
        "stride": 2 if shape.stride == (2, 2) else 1,
        "dilation": shape.dilation,
        "padding": shape.padding,
        "height": shape.height,
        "width": shape.width,
        "source": str(rng.choice(["planes", "aligned", "rows", "strips"])),
        "target": str(rng.choice(["planes", "aligned", "rows", "strips", "flat"])),
        "border": int(rng.integers(0, 3)),
        "density": float(rng.choice([0.0, 0.1, 0.5, 1.0])),
        "residual": bool(rng.random() < 0.3),
        "act": shape.act,
        "threads": int(rng.choice([1, 1, 2, 3])),
    }


def convolutions(**fixed) -> st.SearchStrategy:
    """Draw (seed, shape) of a convolution; ``fixed`` overrides single entries."""
    if {"kernel", "dilation"} & fixed.keys():
        fixed["padding"] = None

    def placed(seed: int) -> tuple[int, dict[str, Any]]:
        return seed, drawn(np.random.default_rng(seed)) | fixed

    return st.integers(0, 2**32 - 1).map(placed)


def placed(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments of a convolution with all about its place in a Placement."""
    names = Placement.__dataclass_fields__.keys()
    place = {name: arguments[name] for name in names & arguments.keys()}
    rest = {name: arguments[name] for name in arguments.keys() - names}
    return {**rest, "place": Placement(**place)}


def sparse_arrays(case: Case) -> dict:
    """Return indptr, offsets, values, bias of the case, group by group."""
    o, each = case.weights.shape[0], case.weights.shape[1]
    stride = case.source.geometry.channel_stride
    rows, values, indptr = [], [], [0]
    for channel in range(o):
        group = channel // (o // case.groups)
        kept = case.weights[channel] != 0
        rows.append((case.offsets + group * each * stride)[kept])
        values.append(case.weights[channel][kept])
        indptr.append(indptr[-1] + int(kept.sum()))
    return {
        "indptr": np.array(indptr, dtype=np.int32),
        "offsets": np.concatenate(rows).astype(np.int32),
        "values": np.concatenate(values),
        "bias": case.bias,
    }
