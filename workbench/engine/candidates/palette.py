"""Layers whose weights are bytes into a table of at most 256 numbers.

Belongs here: fully connected layers run from the table, and any ordinary candidate run
on the weight expanded for packing. Does not belong here: finding palettes (`palette`).
"""

from collections.abc import Sequence
from typing import cast

import numpy as np

from workbench.engine.candidates.base import (
    Binding,
    Candidate,
    Form,
    Prepared,
    Shapes,
    activation_of,
    dense_macs,
)
from workbench.engine.candidates.conv import conv_forms, place_conv
from workbench.engine.candidates.dense import MODEL_MACS_PER_MS
from workbench.engine.graph.graph import Node
from workbench.engine.graph.palette import U8, expanded, kept
from workbench.kernels import Step
from workbench.kernels.steps.palette import (
    Table,
    conv_palette,
    linear_palette,
    linear_palette_sparse,
)

CODES_PER_MS = 6e6
LARGE_CODES_PER_MS = 3e6
"""Codes looked up in a table of registers, and in one of more than 64 numbers."""

SPARSE_CODES_PER_MS = 1.5e6

LOOKED_UP_PER_MS = 2e6
"""Codes that a convolution turns into weights, once a run."""


class PaletteLinear(Candidate):
    """Every weight looked up in registers: a quarter of the bytes of floats."""

    name = "linear-palette"
    ops = ("palette_linear",)

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Reject palettes that are full and need a mask for zeros."""
        if "keep" in node.params:
            return "256 numbers and zeros: only the sparse kernel knows the mask"
        return None

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return contiguous features."""
        return (Form("tight"),)

    def targets(self, node: Node, form: Form) -> tuple[str, ...]:
        """Return contiguous features."""
        return ("tight",)

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer."""
        step = linear_palette(
            codes=_codes(node),
            table=_table(node),
            src=binding.inputs[0].start,
            dst=binding.output.start,
            act=activation_of(node),
        )
        return (step,)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return the time to look up every weight."""
        large = node.params["codebook"].size > 64
        rate = LARGE_CODES_PER_MS if large else CODES_PER_MS
        return float(node.params["indices"].size / rate)


class PaletteSparseLinear(PaletteLinear):
    """Only the non-zero weights, a byte and a column each."""

    name = "linear-palette-sparse"
    reads_structure = True

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Reject nothing."""
        return None

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer."""
        used = kept(node.params)
        indptr = np.concatenate(([0], np.cumsum(used.sum(axis=1))))
        step = linear_palette_sparse(
            indptr=indptr.astype(np.int32),
            columns=np.nonzero(used)[1].astype(np.int32),
            codes=_codes(node)[used],
            table=_table(node),
            src=binding.inputs[0].start,
            dst=binding.output.start,
            act=activation_of(node),
        )
        return (step,)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return the time to look up the weights that are not zero."""
        return int(np.count_nonzero(kept(node.params))) / SPARSE_CODES_PER_MS


class PaletteConv(Candidate):
    """Every weight looked up, a few channels at a time: a quarter of the bytes."""

    name = "palette"
    ops = ("palette_conv2d",)
    writes_split = True

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Reject palettes that are full and need a mask for zeros."""
        if "keep" in node.params:
            return "256 numbers and zeros: an ordinary kernel runs the expanded weight"
        return None

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return strips for 1x1, else padded planes or rows."""
        return conv_forms(node, shapes[0])

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the layer."""
        place, offsets = place_conv(node, binding)
        codes = _codes(node)
        step = conv_palette(
            codes=codes.reshape(len(codes), -1),
            table=_table(node),
            offsets=np.ascontiguousarray(offsets.reshape(-1), np.int32),
            place=place,
        )
        return (step,)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return dense multiply-adds over the usual rate, and the look-ups."""
        looked_up = node.params["indices"].size / LOOKED_UP_PER_MS
        return float(dense_macs(node) / MODEL_MACS_PER_MS + looked_up)


class Expanded(Candidate):
    """An ordinary candidate on the weight as floats, expanded while it is packed.

    Parameters
    ----------
    ordinary : Candidate
    """

    def __init__(self, ordinary: Candidate) -> None:
        self._ordinary = ordinary
        self.name = f"{ordinary.name}-expanded"
        self.ops = tuple(f"palette_{op}" for op in ordinary.ops)
        self.reads_structure = ordinary.reads_structure
        self.writes_split = ordinary.writes_split

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Return why the ordinary candidate may not run the layer, or None."""
        return self._ordinary.reject(expanded(node), shapes)

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return the forms of the ordinary candidate."""
        return self._ordinary.forms(expanded(node), shapes)

    def targets(self, node: Node, form: Form) -> tuple[str, ...]:
        """Return the layout kinds of the ordinary candidate."""
        return self._ordinary.targets(expanded(node), form)

    def variants(self, node: Node, binding: Binding) -> tuple[str, ...]:
        """Return the variants of the ordinary candidate."""
        return self._ordinary.variants(expanded(node), binding)

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the steps of the ordinary candidate."""
        return self._ordinary.build(expanded(node), binding, variant)

    def prepare(self, node: Node, binding: Binding) -> Prepared:
        """Return the ordinary candidate's, on the weight expanded once."""
        return self._ordinary.prepare(expanded(node), binding)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return the expected time of the ordinary candidate."""
        return self._ordinary.model_ms(expanded(node), shapes, form)


def _codes(node: Node) -> U8:
    return cast(U8, node.params["indices"])


def _table(node: Node) -> Table:
    params = node.params
    return Table(params["codebook"], params["scale"], params["bias"])
