"""Layers whose weights live in the Winograd domain: run there, zeros skipped.

Belongs here: the candidates of the operation ``winograd_conv2d``. Does not belong
here: ordinary convolutions run through Winograd (`winograd`), training.
"""

from collections.abc import Sequence

import numpy as np

from workbench.engine.candidates.base import (
    Binding,
    Candidate,
    Form,
    Shapes,
)
from workbench.engine.candidates.winograd import (
    MODEL_PRODUCTS_PER_MS,
    MODEL_TRANSFORMS_PER_MS,
    tiles_of,
    winograd_step,
)
from workbench.engine.graph.graph import Node
from workbench.engine.graph.weights import count_nonzero
from workbench.engine.winograd.cook_toom import cook_toom
from workbench.kernels import (
    LANES,
    Step,
    WinogradWeights,
    variants_conv_winograd,
)

SPARSE_SLOWER = 1.5
"""A product that skips zeros loads more for each multiply-add than a dense one."""


class WinogradDomain(Candidate):
    """F(m, 3) with the weights that training left in the Winograd domain.

    Parameters
    ----------
    sparse : bool
        Skip zero weights, or multiply them all in register tiles.
    """

    ops = ("winograd_conv2d",)
    writes_split = True

    def __init__(self, *, sparse: bool) -> None:
        self.sparse = sparse
        self.reads_structure = sparse
        self.name = f"winograd-domain-{'sparse' if sparse else 'dense'}"

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return every form whose image rows are contiguous."""
        return (Form("planes"), Form("rows"), Form("tight"))

    def variants(self, node: Node, binding: Binding) -> tuple[str, ...]:
        """Return the block sizes worth timing."""
        tiles = tiles_of(node, binding, node.attrs["m"])
        return variants_conv_winograd(self._weights(node), tiles)

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer."""
        weights, tiles = self._weights(node), tiles_of(node, binding, node.attrs["m"])
        return (winograd_step(node, binding, weights, tiles, variant),)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return products and transforms, unused lanes of tile vectors included."""
        weight, m = node.params["weight"], node.attrs["m"]
        rows, columns = (-(-size // m) for size in node.shape[1:])
        vectors = -(-rows * columns // LANES)
        weights = count_nonzero(node) * SPARSE_SLOWER if self.sparse else weight.size
        moves = vectors * (m + 2) ** 2 * sum(weight.shape[:2])
        products = LANES * vectors * weights / MODEL_PRODUCTS_PER_MS
        return float(products + moves / MODEL_TRANSFORMS_PER_MS)

    def _weights(self, node: Node) -> WinogradWeights:
        transform = cook_toom(node.attrs["m"], 3)
        at, _, bt = (matrix.astype(np.float32) for matrix in transform.arrays())
        weight = node.params["weight"]
        coords = weight.transpose(2, 3, 0, 1).reshape(-1, *weight.shape[:2])
        return WinogradWeights(np.ascontiguousarray(coords), bt, at, self.sparse)
