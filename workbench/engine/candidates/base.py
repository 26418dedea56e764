"""What a kernel candidate is: eligibility, layouts it reads, steps it builds.

Belongs here: the protocol that every file of this folder implements and the
values that pass through it. Does not belong here: choosing (`select`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.engine.graph.graph import Node
from workbench.engine.graph.weights import dense_macs as dense_macs
from workbench.engine.graph.weights import kernel_size
from workbench.engine.graph.weights import nonzero_macs as nonzero_macs
from workbench.engine.layout.layout import KINDS, Layout
from workbench.engine.layout.offsets import Window
from workbench.kernels import Activation, Geometry, Step


@dataclass(frozen=True, order=True)
class Form:
    """How a reader wants its input stored: a layout kind and a phase split."""

    kind: str
    split: int = 1

    def __str__(self) -> str:
        return self.kind if self.split == 1 else f"{self.kind}/split{self.split}"


Shapes = Sequence[tuple[int, ...]]
UNSPLIT = tuple(Form(kind) for kind in KINDS)


@dataclass(frozen=True)
class Operand:
    """Channels of a tensor in the arena.

    Parameters
    ----------
    base : int
        Arena offset of the whole tensor, in floats.
    layout : Layout
        Of the whole tensor.
    first, channels : int
        The channels that are meant (all, unless it is a part of a concat).
    """

    base: int
    layout: Layout
    first: int
    channels: int

    @property
    def start(self) -> int:
        """Arena offset that kernels add their vector tables to."""
        return self.base + self.first * self.layout.channel_stride

    @property
    def geometry(self) -> Geometry:
        """What generic kernels need to walk these channels."""
        return self.layout.geometry(self.base, first=self.first, count=self.channels)


@dataclass(frozen=True)
class Binding:
    """Where a node's tensors are when its steps are built.

    Parameters
    ----------
    inputs : tuple of Operand
        In the order of the node's inputs; the first has the form asked for.
    output : Operand
    arena_floats : int
        Size of the arena.
    shapes : sequence of tuple
        Of the inputs as the graph has them: operands know channels, rows and columns.
    """

    inputs: tuple[Operand, ...]
    output: Operand
    arena_floats: int
    shapes: Shapes = ()


@dataclass(frozen=True)
class Prepared:
    """A node bound to its operands, ready to build any of its variants.

    Parameters
    ----------
    variants : callable
        Finds the variants worth timing; the first is the default.
    build : callable
        From a variant to its steps; what the variants share is packed once.
    """

    variants: Callable[[], tuple[str, ...]]
    build: Callable[[str], Sequence[Step]]


class Candidate:
    """One way to run a node. Subclasses: one file each, listed in `TABLE`.

    Attributes
    ----------
    name : str
        In reports, plans and caches.
    ops : tuple of str
        Operations it can run.
    reads_structure : bool
        Whether its time depends on which weights are zero.
    writes_split : bool
        Whether it can write the phases that a stride-2 reader wants.
    """

    name: str = ""
    ops: tuple[str, ...] = ()
    reads_structure: bool = False
    writes_split: bool = False

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Return why it may not run this node, or None."""
        return None

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return the forms of the first input that it reads, preferred first."""
        return UNSPLIT

    def targets(self, node: Node, form: Form) -> tuple[str, ...]:
        """Return the layout kinds it can write when it reads ``form``."""
        return KINDS

    def variants(self, node: Node, binding: Binding) -> tuple[str, ...]:
        """Return the kernel variants worth timing; the first is the default."""
        return ("",)

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the steps that compute the node."""
        raise AssertionError(f"candidate {self.name!r} does not build {node.op!r}")

    def prepare(self, node: Node, binding: Binding) -> Prepared:
        """Return the node bound to its operands, for building several variants."""
        return Prepared(
            lambda: self.variants(node, binding),
            lambda variant: self.build(node, binding, variant),
        )

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return the expected time on one core, for an untuned start."""
        return 0.0


def activation_of(node: Node) -> Activation:
    """Return the activation fused into a node."""
    return Activation.of(*node.attrs.get("act", ("none",)))


def window_of(node: Node, shape: tuple[int, ...]) -> Window:
    """Return the window of a convolution node over an input of ``shape``."""
    return Window.of(
        node.attrs,
        kernel_size(node),
        (shape[1], shape[2]),
        (node.shape[1], node.shape[2]),
    )
