"""Dense products over shared inputs: filters that keep the very same weights' places.

Belongs here: finding such filters (HetConv: every P-th one) and running each class as a
dense convolution over the taps it keeps. Does not belong here: the dense kernel.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.engine.candidates.base import (
    Binding,
    Candidate,
    Form,
    Shapes,
    nonzero_macs,
)
from workbench.engine.candidates.conv import (
    conv_forms,
    is_depthwise,
    place_conv,
)
from workbench.engine.graph.graph import Node
from workbench.engine.graph.weights import count_nonzero
from workbench.engine.layout.offsets import F32, I64
from workbench.kernels import Placement, Step, conv_dense, variants_conv_dense

MOST_CLASSES = 16
"""More classes have too few filters each for a dense tile."""

LEAST_FILTERS = 4
"""Filters of a class: fewer leave most of a register tile empty."""

MODEL_MACS_PER_MS = 42e6
"""About 84 GF/s: the dense kernel in shorter products."""


class SharedConv(Candidate):
    """Filters with equal support, an equal distance apart, as dense convolutions."""

    name = "shared"
    ops = ("conv2d",)
    reads_structure = True
    writes_split = True

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Reject weights whose filters do not share their zeros."""
        if is_depthwise(node) or node.attrs.get("groups", 1) != 1:
            return "filters of different groups read different channels"
        weight = node.params["weight"]
        if count_nonzero(node) == weight.size:
            return "the weight is dense"
        if not _classes(node):
            return "the filters do not share their zeros at equal distances"
        return None

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return strips for 1x1, else padded planes or rows."""
        return conv_forms(node, shapes[0])

    def variants(self, node: Node, binding: Binding) -> tuple[str, ...]:
        """Return the dense kernel's variants for the first classes."""
        first, *_ = _together(_classes(node))
        place, _ = place_conv(node, binding)
        return variants_conv_dense(_weights(node, first), place.vectors)

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return one step for classes that take turns, else one a class."""
        place, offsets = place_conv(node, binding)
        return tuple(
            _step(node, some, place, offsets.reshape(-1), variant)
            for some in _together(_classes(node))
        )

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return non-zero multiply-adds over the usual rate."""
        return nonzero_macs(node) / MODEL_MACS_PER_MS


@dataclass(frozen=True, eq=False)
class FilterClass:
    """Filters first, first + step, ... and the taps that all of them keep."""

    first: int
    step: int
    count: int
    taps: I64

    @property
    def filters(self) -> slice:
        """The filters of the class."""
        return slice(self.first, self.first + self.step * self.count, self.step)


def classes_of(weight: F32) -> tuple[FilterClass, ...]:
    """Return the classes of filters with equal support; empty when they do not fit.

    Parameters
    ----------
    weight : numpy.ndarray, shape (O, C, KH, KW)

    Examples
    --------
    >>> weight = np.zeros((8, 2, 1, 1), np.float32)
    >>> weight[0::2, 0] = weight[1::2, 1] = 1
    >>> [(c.first, c.step, c.count, c.taps.tolist()) for c in classes_of(weight)]
    [(0, 2, 4, [0]), (1, 2, 4, [1])]
    """
    support = weight.reshape(len(weight), -1) != 0
    members: dict[bytes, list[int]] = {}
    for row, packed in enumerate(np.packbits(support, axis=1)):
        members.setdefault(packed.tobytes(), []).append(row)
        if len(members) > MOST_CLASSES:
            return ()
    found = []
    for rows in members.values():
        steps = set(np.diff(rows).tolist())
        taps = np.flatnonzero(support[rows[0]])
        if len(rows) < LEAST_FILTERS or len(steps) != 1 or not taps.size:
            return ()
        found.append(FilterClass(rows[0], steps.pop(), len(rows), taps))
    return tuple(found)


def _classes(node: Node) -> tuple[FilterClass, ...]:
    return node.remember("classes", lambda: classes_of(node.params["weight"]))


def _together(classes: Sequence[FilterClass]) -> Sequence[Sequence[FilterClass]]:
    """Return the classes by steps: one for all where their filters take turns."""
    turns = {(c.step, c.count) for c in classes} == {(len(classes), classes[0].count)}
    if turns and [c.first for c in classes] == list(range(len(classes))):
        return (classes,)
    return tuple((one,) for one in classes)


def _padded(one: FilterClass, taps: int) -> I64:
    """Return the taps of a class, the last one again and again up to ``taps``."""
    return np.pad(one.taps, (0, taps - one.taps.size), mode="edge")


def _weights(node: Node, classes: Sequence[FilterClass]) -> F32:
    """Return weights (classes, filters of one, taps), zeros where taps were added."""
    weight = node.params["weight"].reshape(node.shape[0], -1)
    taps = max(one.taps.size for one in classes)
    room = np.zeros((len(classes), classes[0].count, taps), np.float32)
    for at, one in zip(room, classes, strict=True):
        at[:, : one.taps.size] = weight[one.filters][:, one.taps]
    return room


def _step(
    node: Node,
    classes: Sequence[FilterClass],
    place: Placement,
    offsets: I64,
    variant: str,
) -> Step:
    weights = _weights(node, classes)
    taken = [offsets[_padded(one, weights.shape[2])] for one in classes]
    first, gap = classes[0].first, classes[0].step // len(classes)
    skipped, filters = first * place.out_cs, len(classes) * classes[0].count
    known = variants_conv_dense(weights, place.vectors)
    return conv_dense(
        weights=weights,
        offsets=np.stack(taken).astype(np.int32),
        interleaved=True,
        bias=np.ascontiguousarray(node.params["bias"][first::gap][:filters]),
        place=replace(
            place,
            dst=place.dst + skipped,
            out_cs=place.out_cs * gap,
            residual=None if place.residual is None else place.residual + skipped,
        ),
        variant=variant if variant in known else None,
    )
