"""What random tests of convolutions draw: shapes, sparsity structures, activations.

Every property test of the convolution kernels, and the tool random_convolutions, takes
its shapes from here. Drawn are images of 1 to 14 rows of 1 to 40 pixels; kernels of any
two lengths up to the whole image; dilations that reach 24 columns and 9 rows; strides
that differ per axis; groups and depthwise layers; padding that is even, uneven, absent,
or wider than the window; fourteen structures of zeros, every activation, residuals.
"""

from dataclasses import dataclass

import numpy as np

from workbench.kernels import Activation

ACTIVATIONS = (
    Activation(),
    Activation("relu"),
    Activation("clip", 0.0, 6.0),
    Activation("hardswish"),
    Activation("silu"),
    Activation("sigmoid"),
    Activation("hardsigmoid"),
    Activation("leaky_relu", alpha=0.1),
    Activation("elu", alpha=0.7),
    Activation("tanh"),
    Activation("erf"),
    Activation("gelu"),
    Activation("gelu_tanh"),
    Activation("softplus"),
    Activation("mish"),
)
EVERY_ACTIVATION = (*ACTIVATIONS, Activation("exp"))
"""With exp, which makes of a rounding of a large sum an error beyond any tolerance."""

STRUCTURES = (
    "element",
    "blocks 2",
    "blocks 4",
    "blocks 8",
    "blocks 16",
    "hetconv",
    "kernel",
    "pattern",
    "stripe",
    "filter",
    "channel",
    "2 of 4",
    "dense",
    "empty",
)
STRIDES = ((1, 1),) * 6 + ((2, 2),) * 3 + ((3, 3), (1, 2), (2, 1), (3, 2), (2, 4))

Pair = tuple[int, int]


@dataclass(frozen=True)
class Shape:
    """One draw: a layer, the image it reads, and what it does at the end."""

    inputs: int
    outputs: int
    groups: int
    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: tuple[int, int, int, int]
    height: int
    width: int
    structure: str
    act: Activation
    residual: bool
    palette: bool
    apart: Pair

    @property
    def out(self) -> Pair:
        """Return (H, W) of the output."""
        top, left, bottom, right = self.padding
        return (
            _outputs(self.height + top + bottom, self, 0),
            _outputs(self.width + left + right, self, 1),
        )


LAYER = Shape(
    inputs=4,
    outputs=3,
    groups=1,
    kernel=(3, 3),
    stride=(1, 1),
    dilation=(1, 1),
    padding=(1, 1, 1, 1),
    height=6,
    width=31,
    structure="element",
    act=Activation(),
    residual=False,
    palette=False,
    apart=(0, 0),
)
"""For tests that are about one thing: they replace the rest."""


def _outputs(size: int, shape: Shape, axis: int) -> int:
    span = shape.dilation[axis] * (shape.kernel[axis] - 1) + 1
    return (size - span) // shape.stride[axis] + 1


def draw(rng: np.random.Generator) -> Shape:
    """Draw a layer: small, of every reach up to the whole image, padded unevenly."""
    height, width = int(rng.integers(1, 15)), int(rng.integers(1, 41))
    kernel = _length(rng, height), _length(rng, width)
    if rng.random() < 0.4:
        kernel = (int(rng.choice([1, 3, 3, 5])),) * 2
    dilation = (1, 1)
    if rng.random() < 0.4:
        dilation = (_dilation(rng, kernel[0], 9), _dilation(rng, kernel[1], 24))
    groups, inputs, outputs = _channels(rng)
    stride = STRIDES[rng.integers(len(STRIDES))]
    if rng.random() < 0.06:  # what Winograd runs
        kernel, dilation, stride, groups = (3, 3), (1, 1), (1, 1), 1
        inputs, outputs = (int(n) for n in rng.integers(8, 13, 2))
    ends = [
        _padding(rng, (kernel[axis] - 1) * dilation[axis], size)
        for axis, size in enumerate((height, width))
    ]
    return Shape(
        inputs=inputs * groups,
        outputs=outputs * groups,
        groups=groups,
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        padding=(ends[0][0], ends[1][0], ends[0][1], ends[1][1]),
        height=height,
        width=width,
        structure=str(rng.choice(STRUCTURES)),
        act=ACTIVATIONS[rng.integers(len(ACTIVATIONS))],
        residual=bool(rng.random() < 0.2),
        palette=bool(rng.random() < 0.1),
        apart=(int(rng.choice([0, 0, 1])), int(rng.choice([0, 0, 1, 5]))),
    )


def _channels(rng: np.random.Generator) -> tuple[int, int, int]:
    """Draw groups, and inputs and outputs of each."""
    if rng.random() < 0.15:
        return int(rng.integers(2, 7)), 1, 1
    few, many = int(rng.integers(1, 7)), int(rng.integers(8, 13))
    inputs, outputs = (int(rng.choice([few, few, many])) for _ in range(2))
    outputs = int(rng.choice([outputs, outputs, 1, 16, 17, 33]))
    return int(rng.choice([1, 1, 1, 1, 2, 3])), inputs, outputs


def _length(rng: np.random.Generator, size: int) -> int:
    """Draw the taps of a kernel along an axis: few, or up to the whole image."""
    if rng.random() < 0.75:
        return int(rng.choice([1, 1, 2, 3, 3, 4, 5, 7]))
    return int(rng.integers(1, min(size, 31) + 1))


def _dilation(rng: np.random.Generator, kernel: int, reach: int) -> int:
    """Draw a dilation that leaves the whole window within ``reach`` or 2."""
    return int(rng.integers(1, max(2, reach // max(1, kernel - 1)) + 1))


def _padding(rng: np.random.Generator, span: int, size: int) -> Pair:
    """Draw the padding of an axis so that one window fits, whatever its span."""
    kind = rng.choice(["same", "same", "none", "uneven", "wide"])
    before, after = span // 2, span // 2
    if kind == "none":
        before = after = 0
    if kind == "uneven":
        before, after = (int(n) for n in rng.integers(0, span + 1, 2))
    if kind == "wide":
        before, after = (int(n) + span for n in rng.integers(0, 3, 2))
    missing = max(0, span + 1 - size - before - after)
    return before + missing // 2, after + missing - missing // 2


def keep(rng: np.random.Generator, structure: str, shape: tuple[int, ...]):
    """Return a mask of ``shape`` (O, C, KH, KW) with this structure."""
    o, c, kh, kw = shape
    density = rng.choice([0.05, 0.2, 0.5, 0.9])
    name, _, height = structure.partition(" ")
    if name == "blocks":
        groups = -(-o // int(height))
        return np.repeat(rng.random((groups, c, kh, kw)) < density, int(height), 0)[:o]
    if name == "hetconv":  # whole kernels at every fourth channel, centres elsewhere
        mask = (np.arange(c) % 4 == np.arange(o)[:, None] % 4)[:, :, None, None]
        mask = np.repeat(np.repeat(mask, kh, 2), kw, 3)
        mask[:, :, kh // 2, kw // 2] = True
        return mask
    if structure == "2 of 4":
        order = rng.random((-(-o * c * kh * kw // 4), 4)).argsort(axis=1)
        return (order < 2).reshape(-1)[: o * c * kh * kw].reshape(shape)
    if name == "pattern":
        patterns = rng.random((4, kh, kw)).argsort(axis=None).reshape(4, kh, kw)
        chosen = patterns % (kh * kw) < max(1, kh * kw // 2)
        return chosen[rng.integers(0, 4, (o, c))]
    axes = {
        "element": shape,
        "kernel": (o, c, 1, 1),
        "stripe": (o, 1, kh, kw),
        "filter": (o, 1, 1, 1),
        "channel": (1, c, 1, 1),
        "dense": (1, 1, 1, 1),
        "empty": (1, 1, 1, 1),
    }[name]
    limit = {"dense": 2.0, "empty": -1.0}.get(name, density)
    return np.broadcast_to(rng.random(axes) < limit, shape)
