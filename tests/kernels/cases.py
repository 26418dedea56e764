"""Random convolution cases: arrays, expected results, and the run of one step."""

from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import strategies as st

from tests.kernels.layouts import (
    GUARD,
    Room,
    put,
    room,
    split_phases,
    taps,
    taps_stride2,
    vectors,
)
from workbench.kernels import Activation, Executor, Vectors, info

# Sums of up to 1152 products of unit normals in float32, in another order than torch's.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}
ISAS = tuple(name for name in info().available if name != "numpy")
EVERY = info().available
ACTIVATIONS = (
    Activation(),
    Activation("relu"),
    Activation("clip", 0.0, 6.0),
    Activation("hardswish"),
    Activation("silu"),
    Activation("sigmoid"),
    Activation("hardsigmoid"),
)
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
    padding: int
    dilation: int
    floats: int
    threads: int

    @property
    def place(self) -> dict:
        return {
            "vectors": self.table,
            "src": self.source.geometry.base,
            "dst": self.target.geometry.base,
            "out_cs": self.target.geometry.channel_stride,
            "act": self.act,
            "residual": None if self.residual is None else self.residual.geometry.base,
            "arena_floats": self.floats,
        }

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
        """Return the result in float64, from torch."""
        out = torch.nn.functional.conv2d(
            torch.from_numpy(self.image.astype(np.float64))[None],
            torch.from_numpy(self.weights.astype(np.float64)),
            torch.from_numpy(self.bias.astype(np.float64)),
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )[0]
        if self.added is not None:
            out = out + torch.from_numpy(self.added.astype(np.float64))
        return torch_activation(out, self.act).numpy()

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


def torch_activation(values: torch.Tensor, act: Activation) -> torch.Tensor:
    functions = torch.nn.functional
    if act.kind == "none":
        return values
    if act.kind == "clip":
        return values.clamp(act.lo, act.hi)
    return getattr(functions, act.kind)(values)


def build(seed: int, shape: dict) -> Case:
    """Place a convolution; ``shape`` is one draw of ``convolutions``."""
    rng = np.random.default_rng(seed)
    groups, kernel, stride = shape["groups"], shape["kernel"], shape["stride"]
    c, o = shape["inputs"] * groups, shape["outputs"] * groups
    dilation = shape["dilation"] if stride == 1 else 1
    padding = dilation * (kernel - 1) // 2
    h, w = shape["height"], shape["width"]
    image = rng.standard_normal((c, h, w), dtype=np.float32)
    oh = (h + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    ow = (w + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    size = (c, h, w) if stride == 1 else (4 * c, (h + 1) // 2, (w + 1) // 2)
    kind = shape["source"]
    if kind == "strips" and (kernel > 1 or stride > 1 or groups > 1):
        kind = "planes"
    source = room(kind, size, border=padding)
    target = room(shape["target"], (o, oh, ow), border=shape["border"])
    target = target.moved(up(source.stop))
    stop = target.stop
    residual = None
    if shape["residual"]:
        residual = target.moved(up(target.stop) - up(source.stop))
        stop = residual.stop
    geometry = source.geometry
    if stride == 1:
        offsets = taps(geometry, kernel, padding=padding, dilation=dilation)
    else:
        offsets = taps_stride2(geometry, kernel, padding=padding)
    weights = rng.standard_normal((o, c // groups, kernel, kernel), dtype=np.float32)
    weights *= rng.random(weights.shape) < shape["density"]
    return Case(
        source,
        target,
        residual,
        vectors(geometry, target.geometry),
        offsets[: c // groups],
        weights,
        rng.standard_normal(o, dtype=np.float32),
        image,
        rng.standard_normal((o, oh, ow), dtype=np.float32) if residual else None,
        shape["act"],
        groups,
        stride,
        padding,
        dilation,
        up(stop) + GUARD,
        shape["threads"],
    )


def up(n: int) -> int:
    """Return the next tensor's shift, a multiple of 64 floats beyond the guard."""
    return (n + GUARD + 63) // 64 * 64


def convolutions(**fixed) -> st.SearchStrategy:
    """Draw (seed, shape) of a convolution; ``fixed`` overrides single entries."""
    parts = {
        "inputs": st.integers(1, 40),
        "outputs": st.sampled_from([1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33]),
        "groups": st.sampled_from([1, 1, 1, 2, 3]),
        "kernel": st.sampled_from([1, 3, 3, 5]),
        "stride": st.sampled_from([1, 1, 2]),
        "dilation": st.sampled_from([1, 1, 2]),
        "height": st.integers(1, 20),
        "width": st.integers(6, 36),
        "source": st.sampled_from(["planes", "aligned", "rows", "strips"]),
        "target": st.sampled_from(["planes", "aligned", "rows", "strips", "flat"]),
        "border": st.sampled_from([0, 1, 2]),
        "density": st.sampled_from([0.0, 0.1, 0.5, 1.0]),
        "residual": st.booleans(),
        "act": st.sampled_from(ACTIVATIONS),
        "threads": st.sampled_from([1, 1, 2, 3]),
    }
    parts |= {name: st.just(value) for name, value in fixed.items()}
    return st.tuples(st.integers(0, 2**32 - 1), st.fixed_dictionaries(parts))


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
