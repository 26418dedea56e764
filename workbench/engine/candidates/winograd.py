"""Winograd convolution F(m, 3): fewer multiplications for 3x3 windows of stride 1.

Belongs here: when F(2,3), F(4,3) and F(6,3) may run a layer, and the step they build.
Does not belong here: matrices and the error gate (`engine.winograd*`), the kernel.
"""

from collections.abc import Sequence

import numpy as np

from workbench.engine.candidates.base import (
    Binding,
    Candidate,
    Form,
    Prepared,
    Shapes,
    activation_of,
    window_of,
)
from workbench.engine.graph.graph import Node
from workbench.engine.winograd.cook_toom import Transform, cook_toom
from workbench.engine.winograd.error import gate
from workbench.engine.winograd.tables import make_tiles
from workbench.kernels import (
    LANES,
    Step,
    WinogradTaps,
    WinogradTiles,
    WinogradWeights,
    conv_winograd,
    variants_conv_winograd,
)

MIN_CHANNELS = 8
"""With fewer channels on either side the transforms cost more than they save."""

MODEL_PRODUCTS_PER_MS = 52e6
"""About 104 GF/s in the Winograd domain, unused lanes included."""

MODEL_TRANSFORMS_PER_MS = 0.3e6
"""Vectors of 16 tiles of one channel and one coordinate, in or out."""


class WinogradConv(Candidate):
    """F(m, 3) with dense weights in the Winograd domain.

    Parameters
    ----------
    m : int
        Outputs of a tile along one axis: 2, 4 or 6.
    """

    ops = ("conv2d",)
    writes_split = True

    def __init__(self, m: int) -> None:
        self.m = m
        self.name = f"winograd-f{m}"
        self._transform = cook_toom(m, 3)

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Reject other windows, few channels, tiny planes, and inexact results."""
        window = window_of(node, shapes[0])
        if window.kernel != (3, 3) or window.stride != (1, 1):
            return "Winograd runs 3x3 windows of stride 1 only"
        if window.dilation != (1, 1) or node.attrs.get("groups", 1) != 1:
            return "Winograd runs neither dilated nor grouped windows"
        outputs, inputs = node.params["weight"].shape[:2]
        if min(outputs, inputs) < MIN_CHANNELS:
            return f"fewer than {MIN_CHANNELS} channels: the transforms cost too much"
        if max(window.out) < self.m:
            return f"an image smaller than one tile of {self.m} x {self.m}"
        return node.remember(
            f"{self.name} gate", lambda: gate(node.params["weight"], self._transform)
        )

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return every form whose image rows are contiguous."""
        return (Form("planes"), Form("rows"), Form("tight"))

    def variants(self, node: Node, binding: Binding) -> tuple[str, ...]:
        """Return the block sizes worth timing."""
        weights = _weights(node, self._transform)
        return variants_conv_winograd(weights, tiles_of(node, binding, self.m))

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer."""
        return self.prepare(node, binding).build(variant)

    def prepare(self, node: Node, binding: Binding) -> Prepared:
        """Return the layer with its tables made once for all variants."""
        tiles = tiles_of(node, binding, self.m)
        weights = _weights(node, self._transform)

        def build(variant: str) -> Sequence[Step]:
            return (winograd_step(node, binding, weights, tiles, variant),)

        return Prepared(lambda: variants_conv_winograd(weights, tiles), build)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return products and transforms, unused lanes of tile vectors included."""
        outputs, inputs = node.params["weight"].shape[:2]
        rows, columns = (-(-size // self.m) for size in node.shape[1:])
        vectors = -(-rows * columns // LANES) * self._transform.alpha**2
        products = LANES * vectors * outputs * inputs / MODEL_PRODUCTS_PER_MS
        moves = vectors * (outputs + inputs) / MODEL_TRANSFORMS_PER_MS
        return float(products + moves)


def _weights(node: Node, transform: Transform) -> WinogradTaps:
    at, g, bt = transform.arrays()
    matrices = g, bt.astype(np.float32), at.astype(np.float32)
    return WinogradTaps(node.params["weight"], *matrices)


def winograd_step(
    node: Node,
    binding: Binding,
    weights: WinogradTaps | WinogradWeights,
    tiles: WinogradTiles,
    variant: str,
) -> Step:
    """Return the step of a layer through the Winograd domain, between its operands."""
    source, target = binding.inputs[0], binding.output
    return conv_winograd(
        weights=weights,
        bias=node.params["bias"],
        tiles=tiles,
        src=source.start,
        in_cs=source.layout.channel_stride,
        dst=target.start,
        out_cs=target.layout.channel_stride,
        act=activation_of(node),
        residual=binding.inputs[1].start if len(binding.inputs) > 1 else None,
        rectify=node.attrs.get("input_relu", False),
        variant=variant or None,
        arena_floats=binding.arena_floats,
    )


def tiles_of(node: Node, binding: Binding, m: int) -> WinogradTiles:
    """Return the tables of F(m, 3) between the operands of a node."""
    source, target = binding.inputs[0].layout, binding.output.layout
    window = window_of(node, (source.channels, source.height, source.width))
    return make_tiles(m, window, source, target)
