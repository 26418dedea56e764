"""A network without its layers: what is left of a channel between two of them.

Belongs here: the apparatus that puts numbers in place of every layer's output and sees
which columns of which layers change. Does not belong here: what that says (``flow``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from workbench.models.network import Network
from workbench.pruning.coupling.traced import TRACE_ERRORS, over_the_same_numbers

PROBE_ERRORS = TRACE_ERRORS
# Channels go the same ways in a small image.
_SIDE = 64
IMAGE = ""
"""Name of the image among the sources; no layer is called so."""

# What keeps every channel in its place; all else is named to people who ask why.
_STILL = frozenset(
    """
    relu relu_ relu6 hardtanh sigmoid tanh silu gelu elu selu celu leaky_relu prelu
    rrelu softplus mish hardswish hardsigmoid dropout batch_norm instance_norm add
    add_ sub sub_ mul mul_ div div_ neg abs sqrt rsqrt exp log pow clamp clamp_ clip
    max_pool2d avg_pool2d adaptive_avg_pool2d adaptive_max_pool2d interpolate pad to
    contiguous clone detach float type __get__ __add__ __iadd__ __radd__ __sub__
    __isub__ __rsub__ __mul__ __imul__ __rmul__ __truediv__ __pow__ __neg__ size dim
    conv2d linear is_floating_point numel lerp square maximum minimum
    """.split()  # noqa: SIM905
)
_MARK = "_pruning_moves"


class Probe:
    """A network whose layers give random numbers instead of their outputs.

    Attributes
    ----------
    widths : dict of str to int
        Columns of each layer and batch norm that reads something.
    sources : dict of str to int
        Output channels of each layer, and ``IMAGE`` with the image's.
    depthwise : set of str
        Layers that have a column for each output channel.
    output_changed : bool
        Whether the last pass gave another output.
    """

    def __init__(self, network: Network) -> None:
        channels, *sides = network.input_shape
        small = [min(side, _SIDE) for side in sides]
        try:
            self._learn(network, (channels, *small))
        except PROBE_ERRORS:
            # A flatten, a window or a position that only the whole image fits.
            self._learn(network, network.input_shape)

    def _learn(self, network: Network, shape: tuple[int, ...]) -> None:
        """Run the network once on an image of a shape, and keep what layers read."""
        self.module = _prepared(network.module)
        self.widths: dict[str, int] = {}
        self.sources = {IMAGE: shape[0]}
        self.depthwise = {
            layer.id
            for layer in network.layers
            if layer.groups == layer.weight_shape[0] > 1
        }
        self.output_changed = False
        self._moves: dict[str, tuple[str, ...]] = {}
        self._given: dict[str, Tensor] = {}
        self._read: dict[str, Tensor] = {}
        self._seen: dict[str, np.ndarray] = {}
        self._chosen: Mapping[str, np.ndarray] = {}
        self._above = True
        self._learning = True
        image = torch.randn(1, *shape, generator=_generator(0))
        self._given[IMAGE] = image
        self._watch(network)
        with _Moves(), torch.inference_mode():
            output = self.module(image)
            self._output = _tensors(output)
            self._moves[""] = _moves_of(output)
        self._learning = False

    def changed(
        self, chosen: Mapping[str, np.ndarray], *, above: bool
    ) -> dict[str, np.ndarray]:
        """Return which columns change, bool (width,), by layer or batch norm.

        Parameters
        ----------
        chosen : mapping of str to numpy.ndarray
            Source to bool, True for the channels that get other numbers.
        above : bool
            Whether these are above zero or below.
        """
        self._seen = {}
        self._chosen, self._above = chosen, above
        with torch.inference_mode():
            output = _tensors(self.module(self._numbers(IMAGE)))
            self.output_changed = any(
                one.shape != two.shape or bool(_differs(one, two).any())
                for one, two in zip(self._output, output, strict=True)
            )
        return self._seen

    def _numbers(self, name: str) -> Tensor:
        """Return what a source gives in this pass, a new tensor."""
        numbers = self._given[name].clone()
        if name in self._chosen:
            axis = _axis(self._kinds.get(name), numbers)
            which = torch.from_numpy(np.flatnonzero(self._chosen[name]))
            other = numbers.index_select(axis, which).abs_().add_(0.5)
            numbers.index_copy_(axis, which, other if self._above else other.neg_())
        return numbers

    def silent(self, place: str) -> np.ndarray:
        """Return which columns of a place read nothing but zeros, bool (width,)."""
        columns = _columns(self._kinds[place], self._read[place].ne(0))
        return ~columns

    def ways_to(self, place: str) -> str:
        """Return " by view, flip": what moves channels on their way to a place."""
        names = list(dict.fromkeys(self._moves.get(place, ())))
        return f" by {', '.join(names[:4])}" if names else ""

    def _watch(self, network: Network) -> None:
        self._kinds: dict[str, nn.Module] = {}
        layers = {layer.id for layer in network.layers}
        for name, part in self.module.named_modules():
            if name in layers:
                self._kinds[name] = part
                part.forward = self._stand_in(name, part.forward)
            elif isinstance(part, nn.modules.batchnorm._BatchNorm):
                self._kinds[name] = part
                part.register_forward_pre_hook(self._reader(name))

    def _stand_in(self, name: str, run: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def forward(x: Tensor, *rest: Any, **more: Any) -> Tensor:
            self._note(name, x)
            if self._learning:
                shape = run(x, *rest, **more).shape
                seed = len(self._given)
                self._given[name] = torch.randn(shape, generator=_generator(seed))
                axis = _axis(self._kinds[name], self._given[name])
                self.sources[name] = shape[axis]
            numbers = self._numbers(name)
            setattr(numbers, _MARK, ())
            return numbers

        return forward

    def _reader(self, name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def hook(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
            self._note(name, inputs[0])

        return hook

    def _note(self, name: str, x: Tensor) -> None:
        if self._learning:
            self._read[name] = x.clone()
            self.widths[name] = x.shape[_axis(self._kinds[name], x)]
            self._moves[name] = _moves_of(x)
        else:
            differs = _differs(x, self._read[name])
            self._seen[name] = _columns(self._kinds[name], differs)


def _prepared(module: nn.Module) -> nn.Module:
    """Return a copy in which nothing between layers is switched off by a zero."""
    own = over_the_same_numbers(module).eval()
    generator = _generator(0)
    for part in own.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            continue
        for name, value in part.named_parameters(recurse=False):
            if value.is_floating_point():
                fresh = torch.rand(value.shape, generator=generator).add_(0.5)
                setattr(part, name, nn.Parameter(fresh, requires_grad=False))
        for name, kept in part.named_buffers(recurse=False):
            if name in ("running_mean", "running_var"):
                kept.fill_(float(name == "running_var"))
    return own


def _axis(part: nn.Module | None, x: Tensor) -> int:
    """Return the axis of a tensor that holds a part's channels."""
    return x.ndim - 1 if isinstance(part, nn.Linear) else 1


def _columns(part: nn.Module, differs: Tensor) -> np.ndarray:
    axis = _axis(part, differs)
    found: np.ndarray = differs.transpose(0, axis).flatten(1).any(dim=1).numpy()
    return found


def _differs(one: Tensor, two: Tensor) -> Tensor:
    differs = one.ne(two)
    if bool(two.isnan().any()):
        differs &= ~(one.isnan() & two.isnan())
    return differs


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _tensors(output: Any) -> list[Tensor]:
    """Return every tensor of a nested output, in order."""
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, list | tuple):
        return [tensor for one in output for tensor in _tensors(one)]
    return []


def _moves_of(value: Any) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    for tensor in _tensors(value):
        found += getattr(tensor, _MARK, ())
    return found


class _Moves(TorchFunctionMode):
    """Writes on each tensor which operations moved its channels since a layer."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run the function and mark what it returns."""
        given = [args, list((kwargs or {}).values())]
        before = _moves_of(given)
        out = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "") if _tensors(given) else ""
        if name == "__getitem__":
            name = "an index"
        after = before if name in _STILL or not name else (*before, name)
        for tensor in _tensors(out):
            setattr(tensor, _MARK, tuple(dict.fromkeys(after)))
        return out
