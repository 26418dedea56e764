"""Which cells a sweep has: subjects, methods, sparsities.

Belongs here: what is asked, and the recipe that each cell stands for. Does not belong
here: answering (``sensitivity``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning.coupling.groups import coupling_groups
from workbench.pruning.criteria import CRITERIA
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.recipe.rule import method_named

SPARSITIES = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
GROUPED = ("filter", "channel")
Latency = Literal["none", "model", "measure"]
LATENCIES: tuple[Latency, ...] = ("none", "model", "measure")


@dataclass(frozen=True)
class SweepOptions:
    """How cells are evaluated; equal options on equal inputs give equal rows.

    Parameters
    ----------
    images : int or None
        Class-balanced subset of the data; None takes all.
    batch : int
        Images a forward pass. Small batches stay in the cache.
    latency : "none", "model" or "measure"
        Whether the engine compiles each cell, by its cost model or by measuring.
    threads : int
        Of the compiled program.
    stop_drop : float or None
        A curve ends after the first cell whose top-1 fell by more than this.
    stop_on : str
        What ends a curve: "top1" falling or "loss" rising by more than ``stop_drop``.
    cache_bytes : int
        Memory for activations before the pruned layer; what does not fit is computed
        again for each cell.
    layers : tuple of str
        Subjects to sweep; empty for all.
    seed : int
        Of the recipes.
    calibration : Dataset or None
        Training images for the criteria that look at some (``needs_images``).
    """

    images: int | None = None
    batch: int = 32
    latency: Latency = "none"
    threads: int = 1
    stop_drop: float | None = None
    stop_on: Literal["top1", "loss"] = "top1"
    cache_bytes: int = 1 << 30
    layers: tuple[str, ...] = ()
    seed: int = 0
    calibration: Dataset | None = None

    def __post_init__(self) -> None:
        if self.latency not in LATENCIES:
            raise WorkbenchError(
                f"latency {self.latency!r}",
                "one of " + ", ".join(LATENCIES),
                "Choose one of them.",
            )
        if self.stop_drop is not None and not math.isfinite(self.stop_drop):
            raise WorkbenchError(
                f"an end of curves at a drop of {self.stop_drop}",
                "a finite number",
                "Write 0.3 for 30 points.",
            )
        if self.batch < 1 or self.threads < 1:
            raise WorkbenchError(
                f"batch {self.batch}, threads {self.threads}",
                "1 or more each",
                "Leave them out if in doubt.",
            )


@dataclass(frozen=True)
class Curve:
    """One subject under one method, at rising sparsities.

    Parameters
    ----------
    subject : str
        Layer id, or root of the coupling group.
    layers : tuple of str
        The layers the method chooses from.
    method : str
        Method with its parameters.
    granularity : str
        Of the method.
    sparsities : tuple of float
        Rising.
    """

    subject: str
    layers: tuple[str, ...]
    method: str
    granularity: str
    sparsities: tuple[float, ...]

    def recipe(self, sparsity: float, *, seed: int = 0) -> Recipe:
        """Return the recipe of one cell.

        Raises
        ------
        WorkbenchError
            The method cannot reach that sparsity.
        """
        name, params = parse_method(self.method)
        made = Recipe.uniform(name, sparsity, match=self.subject, **params)
        return made.model_copy(update={"seed": seed})


def parse_method(text: str) -> tuple[str, dict[str, object]]:
    """Return name and parameters of a method written as ``name[:key=value...]``.

    Raises
    ------
    WorkbenchError
        There is no such method, or a part is not ``key=value``.

    Examples
    --------
    >>> parse_method("block:n=8:criterion=l2")
    ('block', {'n': 8, 'criterion': 'l2'})
    """
    name, *parts = text.split(":")
    row = method_named(name)
    if row.granularity == "layer" or name == "none":
        raise WorkbenchError(
            f"method {name!r} in a sweep", "one that removes weights", "Leave it out."
        )
    params: dict[str, object] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise WorkbenchError(
                f"{part!r} in method {text!r}",
                "key=value",
                "Write it as block:n=8.",
            )
        params[key] = _value(value)
    return name, params


def needs_images(methods: Sequence[str]) -> bool:
    """Return whether one of the methods scores weights by looking at images.

    Examples
    --------
    >>> needs_images(["magnitude", "filter:criterion=taylor"])
    True
    >>> needs_images(["magnitude", "filter:criterion=l2"])
    False
    """
    criteria = {parse_method(text)[1].get("criterion") for text in methods}
    return any(row.needs_data and row.name in criteria for row in CRITERIA.values())


def grid(
    network: Network,
    methods: Sequence[str],
    sparsities: Sequence[float],
    *,
    layers: Sequence[str] = (),
) -> tuple[Curve, ...]:
    """Return the curves of a sweep in the order in which their layers run.

    A method that removes channels has one curve a coupling group, named by the group's
    root; other methods have one curve a layer. Whether a method can prune a layer is
    found out when its cells are tried, and the reason is kept.

    Raises
    ------
    WorkbenchError
        An impossible sparsity, an unknown method or layer, or an empty grid.
    """
    for layer in layers:
        network.layer(layer)
    levels = tuple(sorted({round(float(s), 6) for s in sparsities}))
    if not methods or not levels or not 0 < levels[0] <= levels[-1] < 1:
        raise WorkbenchError(
            f"methods {list(methods)}, sparsities {list(sparsities)}",
            "one method and one sparsity at least, 0 < sparsity < 1",
            "Write 0.8 for 80 %.",
        )
    order = {layer.id: rank for rank, layer in enumerate(network.layers)}
    subjects = {
        text: _subjects(network, method_named(parse_method(text)[0]).granularity)
        for text in dict.fromkeys(methods)
    }
    curves = [
        Curve(
            subject=root,
            layers=members,
            method=text,
            granularity=method_named(parse_method(text)[0]).granularity,
            sparsities=levels,
        )
        for text, found in subjects.items()
        for root, members in found
        if not layers or set(layers) & {root, *members}
    ]
    return tuple(sorted(curves, key=lambda curve: order[curve.subject]))


def _subjects(
    network: Network, granularity: str
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return (name, layers) of everything that the granularity prunes at once."""
    if granularity not in GROUPED:
        return tuple((layer.id, (layer.id,)) for layer in network.layers)
    found = []
    for group in coupling_groups(network):
        members = group.producers if granularity == "filter" else group.consumers
        if members:
            found.append((members[0], members))
    # A layer that reads several groups is swept once; the first one names it.
    return tuple(dict(reversed(found)).items())


def _value(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)
