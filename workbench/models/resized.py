"""Modules whose tensors became smaller, and what a module says of its own sizes.

Belongs here: setting a tensor and the numbers that follow from it. Does not belong
here: which channels go (``pruning/cut``), tensors of files (``narrower``).
"""

from typing import Any

from torch import Tensor, nn

_TRANSPOSED = {0: "in_channels", 1: "out_channels"}
_PLAIN = {0: "out_channels", 1: "in_channels"}
_SIZES: dict[Any, dict[int, str]] = {
    nn.modules.batchnorm._NormBase: {0: "num_features"},
    nn.GroupNorm: {0: "num_channels"},
    nn.PReLU: {0: "num_parameters"},
    nn.Conv1d: _PLAIN,
    nn.Conv3d: _PLAIN,
    nn.ConvTranspose1d: _TRANSPOSED,
    nn.ConvTranspose2d: _TRANSPOSED,
    nn.ConvTranspose3d: _TRANSPOSED,
}
"""What a module says of its sizes, by the axis of its weight."""


def put(part: nn.Module, name: str, value: Tensor) -> None:
    """Set a parameter or buffer to a tensor that nothing else holds."""
    old = getattr(part, name)
    if isinstance(old, nn.Parameter):
        value = nn.Parameter(value, requires_grad=old.requires_grad)
    setattr(part, name, value)


def resize(part: nn.Module, name: str, value: Tensor) -> None:
    """Set a tensor of other lengths, and what the module says of them, in place.

    Convolutions and linear layers say theirs with ``say_layer_sizes``.

    Examples
    --------
    >>> norm = nn.GroupNorm(4, 8)
    >>> resize(norm, "weight", norm.weight.detach()[:6])
    >>> norm.num_channels, norm.num_groups
    (6, 3)
    """
    before = getattr(part, name).shape
    put(part, name, value)
    for kind, said in _SIZES.items():
        # The bias of a transposed convolution has its outputs where the weight has
        # the inputs.
        if not isinstance(part, kind) or (name == "bias" and said is _TRANSPOSED):
            continue
        for axis, attribute in said.items():
            if axis < value.ndim and value.shape[axis] != before[axis]:
                setattr(part, attribute, value.shape[axis])
    if isinstance(part, nn.GroupNorm) and name == "weight":
        part.num_groups = part.num_groups * len(value) // before[0]


def say_layer_sizes(part: nn.Conv2d | nn.Linear, before: int, *, whole: bool) -> None:
    """Let a layer whose weight is set say its sizes, in place.

    Parameters
    ----------
    part : nn.Conv2d or nn.Linear
        With its new weight.
    before : int
        Its number of outputs until now.
    whole : bool
        Whether whole groups of a convolution are gone, inputs and filters.
    """
    if isinstance(part, nn.Linear):
        part.out_features, part.in_features = part.weight.shape
        return
    part.out_channels = part.weight.shape[0]
    if whole:
        part.groups = part.out_channels * part.groups // before
    part.in_channels = part.weight.shape[1] * part.groups
