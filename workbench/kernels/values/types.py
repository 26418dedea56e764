"""Values that the engine hands to the kernels: activations, vectors, geometries.

Belongs here: frozen dataclasses that mirror a C struct or a table of the compiled
module. Does not belong here: how layouts are chosen (engine) or any arithmetic.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError

LANES = 16
GUARD_FLOATS = 64

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U16 = NDArray[np.uint16]

ACTIVATIONS: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "relu": (),
    "clip": ("lo", "hi"),
    "hardswish": (),
    "hardsigmoid": (),
    "silu": (),
    "sigmoid": (),
    "leaky_relu": ("alpha",),
    "elu": ("alpha",),
    "exp": (),
    "tanh": (),
    "erf": (),
    "gelu": (),
    "gelu_tanh": (),
    "softplus": (),
    "mish": (),
}
"""Every activation and the numbers that it takes; those behind clip are curves."""

GeometryKind = Literal["planes", "rows", "strips", "flat"]


class KernelError(WorkbenchError):
    """A kernel was asked for with arguments that C must never see."""


@dataclass(frozen=True)
class KernelInfo:
    """What the compiled module is and which instruction set it uses.

    Parameters
    ----------
    isa : str
        The instruction set in use: scalar, avx2, avx512, or numpy when the compiled
        module is missing.
    reason : str
        Why this one was chosen.
    available : tuple of str
        Every instruction set that this machine can run, slowest first.
    compiler : str
        The compiler that built the module; empty when there is none.
    native : bool
        True when the compiled module is in use.
    """

    isa: str
    reason: str
    available: tuple[str, ...]
    compiler: str
    native: bool


@dataclass(frozen=True)
class Activation:
    """What is applied to a sum before it is stored.

    Parameters
    ----------
    kind : str
        A key of `ACTIVATIONS`.
    lo, hi : float
        The bounds of ``clip``; the other kinds ignore them. relu6 is clip 0..6.
    alpha : float
        The slope below zero of ``leaky_relu``, what ``elu`` approaches, negated.

    Raises
    ------
    KernelError
        When the kind is unknown, the bounds of ``clip`` are not ordered or ``alpha`` is
        infinite.

    Examples
    --------
    >>> Activation("relu").bounds
    (0.0, inf)
    """

    kind: str = "none"
    lo: float = -math.inf
    hi: float = math.inf
    alpha: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in ACTIVATIONS:
            raise KernelError(
                f"activation {self.kind!r}",
                "one of " + ", ".join(ACTIVATIONS),
                "Use a covered activation, or apply yours outside of the program.",
            )
        if self.kind == "clip" and not self.lo <= self.hi:
            raise KernelError(
                f"clip bounds {self.lo}..{self.hi}",
                "lo <= hi",
                "Swap the bounds or leave the clip out.",
            )
        if not math.isfinite(self.alpha):
            raise KernelError(
                f"{self.kind} with alpha {self.alpha}",
                "a finite number",
                "Correct the activation's parameter.",
            )

    @classmethod
    def of(cls, kind: str, *numbers: float) -> "Activation":
        """Return an activation from its numbers in the order of `ACTIVATIONS`.

        Examples
        --------
        >>> Activation.of("leaky_relu", 0.1).alpha
        0.1
        """
        named = zip(ACTIVATIONS.get(kind, ()), numbers, strict=False)
        return cls(kind, **dict(named))

    @property
    def curved(self) -> bool:
        """Say whether it is more than bounds."""
        return self.kind not in ("none", "relu", "clip")

    @property
    def bounds(self) -> tuple[float, float]:
        """Give the clip that the kernels apply before any curved activation."""
        if self.kind == "relu":
            return 0.0, math.inf
        if self.kind == "clip":
            return self.lo, self.hi
        return -math.inf, math.inf


NO_ACTIVATION = Activation()


@dataclass(frozen=True)
class ImageRows:
    """What lies beside the vectors of a convolution in the rows of its source.

    Kernels that move lanes between whole vectors need it: offsets alone do not say how
    far beside its pixel a tap reads.

    Parameters
    ----------
    pitch : int
        Floats of a row of one channel, its zeros included.
    width : int
        Pixels of it; what follows them in the row is zero.
    left, right : int
        Columns of the leftmost and the rightmost tap, counted from the pixel that it
        makes: -1 and 1 for three neighbours. A tap finds zeros beside the row.
    """

    pitch: int
    width: int
    left: int
    right: int


@dataclass(frozen=True, eq=False)
class Vectors:
    """Where the output vectors (16 pixels each) of an op read and write.

    Parameters
    ----------
    vec_in : array of int64, shape (V,)
        Float offset, from the source tensor, of lane 0 of each vector at channel 0
        and tap offset 0.
    vec_out : array of int64, shape (V, S)
        Float offset, from the destination tensor, that lane 0 of the vector would
        have in each segment; lane l adds l. S is 1 to 3.
    vec_mask : array of uint16, shape (V, S)
        Bit l is set when lane l is stored in this segment.
    row_vectors : int
        Consecutive vectors that make up one image row, when every row starts at
        lane 0 of a vector and is surrounded by zero padding in the source (at least
        as many floats as the widest horizontal tap); 0 when that does not hold.
    unzip : bool
        Before a vector is stored, its even lanes move to lanes 0..7 and its odd ones
        to lanes 8..15; ``vec_out`` and ``vec_mask`` speak of lanes after that. So a
        convolution writes the phases that one of stride 2 reads. Needs S > 1.
    pace : int
        Floats between the places that neighbouring lanes read. 2 is for depthwise
        convolutions of stride 2 over the image as it is; every other op needs 1.
    rows : ImageRows, optional
        Of the source. Without it nothing is known about what lies beside a vector, and
        no kernel that moves lanes is eligible.
    """

    vec_in: I64
    vec_out: I64
    vec_mask: U16
    row_vectors: int = 0
    unzip: bool = False
    pace: int = 1
    rows: ImageRows | None = None

    @property
    def count(self) -> int:
        """Count the vectors."""
        return int(self.vec_in.shape[0])

    @property
    def pixels(self) -> int:
        """Count the pixels that the masks store."""
        return int(np.bitwise_count(self.vec_mask).sum())


class Sizes(NamedTuple):
    """What an executor is made for; see `workbench.kernels.Executor`."""

    arena_floats: int
    threads: int
    cold: bool


@dataclass(frozen=True)
class Geometry:
    """Where the elements of one tensor are in the arena; mirrors ``wb_geometry`` in C.

    Parameters
    ----------
    kind : str
        ``strips``: pixel p = y * width + x of channel c is at
        ``base + (p // 16) * row_stride + c * channel_stride + p % 16``.
        Every other kind: element (c, y, x) is at
        ``base + c * channel_stride + y * row_stride + x``.
    channels, height, width : int
        The tensor without any border.
    channel_stride, row_stride : int
        In floats.
    base : int
        Arena offset, in floats, of element (0, 0, 0).

    Examples
    --------
    >>> Geometry("planes", 2, 3, 4, 40, 5, 100).address(1, 2, 3)
    153
    """

    kind: GeometryKind
    channels: int
    height: int
    width: int
    channel_stride: int
    row_stride: int
    base: int

    def address(self, c: int, y: int, x: int) -> int:
        """Return the arena offset of one element in floats."""
        if self.kind == "strips":
            p = y * self.width + x
            return (
                self.base
                + p // LANES * self.row_stride
                + c * self.channel_stride
                + p % LANES
            )
        return self.base + c * self.channel_stride + y * self.row_stride + x

    def addresses(self) -> I64:
        """Return the arena offset of every element, shape (C, H, W)."""
        c = np.arange(self.channels, dtype=np.int64)[:, None, None]
        y = np.arange(self.height, dtype=np.int64)[None, :, None]
        x = np.arange(self.width, dtype=np.int64)[None, None, :]
        if self.kind == "strips":
            p = y * self.width + x
            inner = p // LANES * self.row_stride + p % LANES
        else:
            inner = y * self.row_stride + x
        return np.asarray(self.base + c * self.channel_stride + inner, dtype=np.int64)

    @property
    def extent(self) -> tuple[int, int]:
        """Return the first float and one past the last float of the tensor."""
        last = self.address(self.channels - 1, self.height - 1, self.width - 1)
        if self.kind == "strips" and self.height * self.width > LANES:
            pixels = self.height * self.width
            full = (pixels - 1) // LANES * LANES - 1
            last = max(
                last,
                self.address(self.channels - 1, full // self.width, full % self.width),
            )
        return self.base, last + 1


class Step(Protocol):
    """One kernel with its packed arguments, ready to run in an ``Executor``.

    Attributes
    ----------
    kernel : str
        Symbol of the kernel that will run.
    macs : int
        Multiply-adds that the kernel executes for useful pixels.
    bytes : int
        Bytes of packed weights and indices.
    extent : tuple of int
        First arena float that the step may touch and one past the last.
    x_floats, y_floats : int
        Floats of the external input or output that the step needs for one image.
    """

    @property
    def kernel(self) -> str:
        """Symbol of the kernel."""

    @property
    def macs(self) -> int:
        """Executed multiply-adds."""

    @property
    def bytes(self) -> int:
        """Bytes of packed weights."""

    @property
    def extent(self) -> tuple[int, int]:
        """Arena range."""

    @property
    def x_floats(self) -> int:
        """Floats of one external image."""

    @property
    def y_floats(self) -> int:
        """Floats of one external result."""
