"""From which sparsity a layer is really faster, for each way to prune it.

The layer is taken out of its network, pruned ever further, and compiled alone; the
engine times every kernel that can run it. A curve is the time of the kernel that was
chosen among all, dense ones included, so that it never lies far above the dense time:
where it leaves it, zeros begin to pay.

Belongs here: one layer against sparsity. Does not belong here: what accuracy it costs
(``sensitivity``).
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from workbench.analysis.sensitivity.grid import GROUPED, Latency, parse_method
from workbench.analysis.sensitivity.latency import program_of
from workbench.errors import WorkbenchError
from workbench.models.given import require_network
from workbench.models.inspect import from_module
from workbench.models.network import Network
from workbench.pruning.prune import prune
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.recipe.rule import method_named

METHODS = ("magnitude", "block", "kernel", "pattern", "stripe", "filter")
SPARSITIES = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
# A smaller gain than this is noise of two measured times.
NOISE = 0.03
_ID = "layer"


@dataclass(frozen=True)
class BreakEvenCurve:
    """Time of one layer against sparsity under one method.

    Parameters
    ----------
    method, granularity : str
        As in a recipe.
    reached : tuple of float
        Zeros over weights at each level, 0..1; None where the method cannot go.
    ms : tuple of float or None
        Time of the layer.
    kernels : tuple of str
        The kernel that was chosen.
    crossing : float or None
        Sparsity where the time falls below the dense one for good, between two levels
        by straight lines; None when it never does.
    """

    method: str
    granularity: str
    reached: tuple[float | None, ...]
    ms: tuple[float | None, ...]
    kernels: tuple[str, ...]
    crossing: float | None


@dataclass(frozen=True)
class BreakEven:
    """All curves of a layer.

    Parameters
    ----------
    layer : str
        Layer id.
    dense_ms : float
        Time of the best kernel on the dense weights.
    dense_kernel : str
        Its name.
    sparsities : tuple of float
        Levels asked for.
    curves : tuple of BreakEvenCurve
        One a method.
    refused : tuple of (str, str)
        Methods that cannot prune the layer at all, and why.
    threads : int
        Of the program.
    """

    layer: str
    dense_ms: float
    dense_kernel: str
    sparsities: tuple[float, ...]
    curves: tuple[BreakEvenCurve, ...]
    refused: tuple[tuple[str, str], ...]
    threads: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return asdict(self)


def break_even(
    network: Network,
    layer: str,
    *,
    methods: Sequence[str] = METHODS,
    sparsities: Sequence[float] = SPARSITIES,
    threads: int = 1,
    latency: Latency = "measure",
) -> BreakEven:
    """Return the time of a layer against sparsity, and where pruning begins to pay.

    Parameters
    ----------
    network : Network
        Gives the layer's weights and the shape of its input.
    layer : str
        Layer id.
    methods : sequence of str
        Keys of the table of methods. "filter" really removes filters.
    sparsities : sequence of float
        Levels, 0 < sparsity < 1.
    threads : int
        Of the program.
    latency : "measure" or "model"
        This machine, or the engine's cost model.

    Raises
    ------
    WorkbenchError
        No such layer, or an unknown method.
    """
    require_network(network)
    alone = _alone(network, layer)
    dense_ms, dense_kernel = _time(alone, latency, threads)
    levels = tuple(sorted(set(sparsities)))
    curves, refused = [], []
    for text in methods:
        points: list[tuple[float, float, str] | None] = []
        reason = ""
        for level in levels:
            try:
                pruned = _pruned(alone, text, level)
            except WorkbenchError as error:
                reason = error.found
                points.append(None)
                continue
            reached = 1 - pruned[1] / alone.layers[0].params
            points.append((reached, *_time(pruned[0], latency, threads)))
        if any(points):
            curves.append(_curve(text, points, dense_ms))
        else:
            refused.append((text, reason))
    return BreakEven(
        layer, dense_ms, dense_kernel, levels, tuple(curves), tuple(refused), threads
    )


def crossing(
    points: Sequence[tuple[float, float]], dense_ms: float, *, noise: float = NOISE
) -> float | None:
    """Return the sparsity from which times stay below the dense one, or None.

    Parameters
    ----------
    points : sequence of (sparsity, ms)
        By rising sparsity.
    dense_ms : float
        Time of the dense layer.
    noise : float
        Share of ``dense_ms`` by which a time must be lower to count.

    Examples
    --------
    Dense 1.0; 1.2 at 0.5 and 0.8 at 0.9 cross half way.

    >>> round(crossing([(0.5, 1.2), (0.9, 0.8)], 1.0), 6)
    0.7
    """
    lower = [ms < dense_ms * (1 - noise) for _, ms in points]
    if not lower or not lower[-1]:
        return None
    first = len(lower)
    while first and lower[first - 1]:
        first -= 1
    if first == 0:
        return points[0][0]
    (x0, y0), (x1, y1) = points[first - 1], points[first]
    if y0 <= dense_ms:
        return x0
    return x0 + (x1 - x0) * (y0 - dense_ms) / (y0 - y1)


def _curve(
    text: str, points: Sequence[tuple[float, float, str] | None], dense_ms: float
) -> BreakEvenCurve:
    known = [(one[0], one[1]) for one in points if one is not None]
    return BreakEvenCurve(
        method=text,
        granularity=method_named(parse_method(text)[0]).granularity,
        reached=tuple(None if one is None else one[0] for one in points),
        ms=tuple(None if one is None else one[1] for one in points),
        kernels=tuple("" if one is None else one[2] for one in points),
        crossing=crossing(sorted(known), dense_ms),
    )


def _alone(network: Network, layer_id: str) -> Network:
    """Return a network of this layer only, on inputs of the shape it has there."""
    layer = network.layer(layer_id)
    module = copy.deepcopy(network.module.get_submodule(layer_id))
    shape = layer.input_shape
    if len(shape) == 3:
        return _network({_ID: module}, (shape[0], shape[1], shape[2]))
    # A linear layer reads features: as an image of one pixel, flattened.
    return _network({"flat": nn.Flatten(), _ID: module}, (shape[0], 1, 1))


def _network(parts: dict[str, nn.Module], shape: tuple[int, int, int]) -> Network:
    module = nn.Sequential(OrderedDict(parts)).eval()
    return from_module(module, input_shape=shape, name="one layer")


def _pruned(alone: Network, text: str, sparsity: float) -> tuple[Any, int]:
    """Return the pruned layer and how many weights are left."""
    name, params = parse_method(text)
    method = method_named(name)
    if method.granularity in GROUPED:
        return _fewer_filters(alone, sparsity)
    pruned = prune(alone, Recipe.uniform(name, sparsity, match=_ID, **params))
    return pruned, pruned.report.weights - pruned.report.zeros


def _fewer_filters(alone: Network, sparsity: float) -> tuple[Network, int]:
    """Return the layer with its weakest filters gone (L1 norm), physically smaller."""
    module = alone.module.get_submodule(_ID)
    weight = alone.module.get_parameter(f"{_ID}.weight").detach()
    if alone.layers[0].groups > 1:
        raise WorkbenchError(
            "a grouped layer", "filters that all read the same input", "Skip 'filter'."
        )
    kept = max(1, len(weight) - round(sparsity * len(weight)))
    strongest = weight.abs().flatten(1).sum(dim=1).topk(kept).indices.sort().values
    small = copy.deepcopy(module)
    small.weight = nn.Parameter(weight[strongest].clone())
    if isinstance(module.bias, torch.Tensor):
        small.bias = nn.Parameter(module.bias.detach()[strongest].clone())
    for attribute in ("out_channels", "out_features"):
        if hasattr(small, attribute):
            setattr(small, attribute, kept)
    parts = {**dict(alone.module.named_children()), _ID: small}
    return _network(parts, alone.input_shape), kept * weight[0].numel()


def _time(network: Any, latency: Latency, threads: int) -> tuple[float, str]:
    program = program_of(network, latency, threads)
    for step in program.steps:
        if step.layer == _ID:
            return step.ms, step.candidate
    return 0.0, "nothing left to compute"
