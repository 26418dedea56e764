"""Factories of the elementwise and moving steps.

Belongs here: add, mul, activation, convert, and the way in and out of the arena.
Does not belong here: arithmetic.
"""

from workbench.kernels.backend import make_step
from workbench.kernels.reference import spatial as reference
from workbench.kernels.values import checks
from workbench.kernels.values.specs import Pointwise, Transfer
from workbench.kernels.values.types import NO_ACTIVATION, Activation, Geometry, Step


def add(
    *, a: Geometry, b: Geometry, out: Geometry, act: Activation = NO_ACTIVATION
) -> Step:
    """Return a step that computes ``act(a + b)``; b may be one value a channel.

    Parameters
    ----------
    a, b, out : Geometry
        Equal sizes, any layouts; b may be 1 x 1 pixels. ``out`` may be ``a`` or ``b``
        when the layouts are equal.
    act : Activation

    Raises
    ------
    KernelError
        When sizes differ.
    """
    return _pointwise(_binary("add", a, b, out, act))


def mul(
    *, a: Geometry, b: Geometry, out: Geometry, act: Activation = NO_ACTIVATION
) -> Step:
    """Return a step that computes ``act(a * b)``; b may be one value a channel.

    Parameters and errors as in ``add``.
    """
    return _pointwise(_binary("mul", a, b, out, act))


def activation(
    *, geometry_in: Geometry, geometry_out: Geometry, act: Activation
) -> Step:
    """Return a step that applies an activation.

    Parameters
    ----------
    geometry_in, geometry_out : Geometry
        Equal sizes, any layouts; they may be the same tensor.
    act : Activation

    Raises
    ------
    KernelError
        When sizes differ.
    """
    _same_size(geometry_in, geometry_out)
    checks.activation(act)
    return _pointwise(Pointwise("copy", geometry_in, None, geometry_out, act))


def convert(
    *, geometry_in: Geometry, geometry_out: Geometry, phase_split: bool = False
) -> Step:
    """Return a step that copies a tensor into another layout.

    Parameters
    ----------
    geometry_in, geometry_out : Geometry
        Equal sizes; with ``phase_split`` the output has 4 C channels of ceil(H / 2) x
        ceil(W / 2) pixels, channel = (2 * (y % 2) + x % 2) * C + c. Places of a phase
        that have no source pixel are left as they are.
    phase_split : bool

    Raises
    ------
    KernelError
        When sizes do not fit.
    """
    if phase_split:
        checks.geometry("geometry_in", geometry_in)
        checks.geometry("geometry_out", geometry_out)
        size = geometry_in.channels, geometry_in.height, geometry_in.width
        _halves(size, geometry_out)
    else:
        _same_size(geometry_in, geometry_out)
    return _pointwise(
        Pointwise("copy", geometry_in, None, geometry_out, phase_split=phase_split)
    )


def load_input(
    *,
    geometry_out: Geometry,
    phase_split: bool = False,
    size: tuple[int, int, int] | None = None,
    offset: int = 0,
) -> Step:
    """Return a step that reads one external NCHW image into the arena.

    Parameters
    ----------
    geometry_out : Geometry
    phase_split : bool
        As in ``convert``.
    size : tuple of int, optional
        (C, H, W) of the image; needed with ``phase_split``, where half sizes do not
        tell whether the image is odd.
    offset : int
        Floats of the external row before the image: other inputs.

    Raises
    ------
    KernelError
        When sizes do not fit.
    """
    shape = checks.geometry("geometry_out", geometry_out)
    inner = (shape.channels, shape.height, shape.width)
    image = size if size is not None else inner
    for axis in image:
        checks.whole("an axis of the image", axis, 1, checks.MOST_PIXELS)
    checks.require(
        phase_split or image == inner,
        f"an image of {image} for a tensor of {inner}",
        "equal sizes, or a size with phase_split",
        "Pass the size of the image.",
    )
    if phase_split:
        checks.require(
            size is not None,
            "no size of a phase-split input",
            "size=(C, H, W) of the image",
            "Pass the size of the image.",
        )
        _halves(image, shape)
    checks.whole("the offset of an image", offset, 0)
    return _transfer(Transfer(shape, True, *image, phase_split, offset))


def store_output(*, geometry_in: Geometry, offset: int = 0) -> Step:
    """Return a step that writes a tensor to the external NCHW output.

    Parameters
    ----------
    geometry_in : Geometry
    offset : int
        Floats of the external row before the tensor: other outputs.

    Raises
    ------
    KernelError
        When a size is not positive.
    """
    shape = checks.geometry("geometry_in", geometry_in)
    size = shape.channels, shape.height, shape.width
    checks.whole("the offset of an output", offset, 0)
    return _transfer(Transfer(shape, False, *size, False, offset))


def _pointwise(spec: Pointwise) -> Step:
    return make_step("pointwise", spec, reference.pointwise)


def _transfer(spec: Transfer) -> Step:
    return make_step("transfer", spec, reference.transfer)


def _binary(
    op: str, a: Geometry, b: Geometry, out: Geometry, act: Activation
) -> Pointwise:
    _same_size(a, out)
    checks.geometry("b", b)
    checks.activation(act)
    broadcast = (b.height, b.width) == (1, 1) != (a.height, a.width)
    same = (b.height, b.width) == (a.height, a.width)
    checks.require(
        b.channels == a.channels and (same or broadcast),
        f"b of {b.channels} x {b.height} x {b.width}",
        f"{a.channels} x {a.height} x {a.width}, or {a.channels} x 1 x 1",
        "Broadcast the operand before, or swap a and b.",
    )
    return Pointwise(op, a, b, out, act, broadcast)


def _same_size(a: Geometry, out: Geometry) -> None:
    checks.geometry("the source", a)
    checks.geometry("the destination", out)
    sizes = [(g.channels, g.height, g.width) for g in (a, out)]
    checks.require(
        sizes[0] == sizes[1],
        f"a source of {sizes[0]} and a destination of {sizes[1]}",
        "equal channels, height and width",
        "Correct the layout of the destination.",
    )


def _halves(size: tuple[int, int, int], out: Geometry) -> None:
    c, h, w = size
    wanted = (4 * c, (h + 1) // 2, (w + 1) // 2)
    found = (out.channels, out.height, out.width)
    checks.require(
        found == wanted,
        f"a phase-split destination of {found} for a source of {size}",
        f"{wanted}",
        "Give the destination four times the channels at half the size.",
    )
