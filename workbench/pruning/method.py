"""The common skeleton of every pruning method.

Belongs here: the values that a method receives (targets, context), the values
that it returns (masks, notes, refusals) and the record by which it is listed.
Does not belong here: any particular method (``methods/``, one file each).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict

from workbench.errors import WorkbenchError
from workbench.models.network import Layer
from workbench.pruning.calibration import Calibration
from workbench.pruning.coupling.values import CouplingGroup
from workbench.pruning.residual_blocks import ResidualBlock


class MethodParams(BaseModel):
    """Base of every method's parameters: frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class MethodError(WorkbenchError):
    """A method cannot do what the recipe asks of a layer."""


@dataclass(frozen=True)
class Refusal:
    """Why a method leaves a layer alone, in the three parts of an error."""

    found: str
    expected: str
    next_step: str

    def raised(self, where: str = "") -> MethodError:
        """Return the refusal as an error, prefixed with the place in the recipe."""
        return MethodError(where + self.found, self.expected, self.next_step)

    def __str__(self) -> str:
        return f"{self.found}; expected {self.expected}. {self.next_step}"


@dataclass(frozen=True, eq=False)
class Target:
    """One layer that a method shall prune.

    Parameters
    ----------
    layer : Layer
        Its description.
    weight : torch.Tensor
        float, OIHW or (O, I), detached; methods read it and never write it.
    explicit : bool
        The rule named this layer without a wildcard, so that a refusal is an
        error rather than a note.
    """

    layer: Layer
    weight: torch.Tensor
    explicit: bool = True

    @property
    def id(self) -> str:
        """The layer id."""
        return self.layer.id


@dataclass(frozen=True)
class Vote:
    """What the recipe says of a layer: the rule's index and its method."""

    rule: int
    method: str


def no_calibration(reader: str) -> Calibration:
    """Raise: somebody asked for calibration images that nobody gave."""
    raise MethodError(
        f"criterion '{reader}' without images",
        "calibration images, of which it takes gradients or activations",
        "Give the training split: prune(network, recipe, data=...), or --data.",
    )


@dataclass(frozen=True, eq=False)
class Context:
    """What a method may know beside its targets.

    Parameters
    ----------
    seed : int
        The recipe's seed.
    rule : int
        Index of the rule that is being applied.
    weights : mapping of str to torch.Tensor
        Weight of every layer of the network, by layer id.
    votes : mapping of str to Vote
        The rule that speaks for each layer; layers without a rule are absent, and
        protected layers vote ``none``.
    groups : callable
        Returns the network's coupling groups; traced only when a method asks.
    blocks : callable
        Returns the residual blocks that can be left out.
    scales : callable
        Returns the batch-norm scale (O,) behind each layer, by layer id.
    calibration : callable ``(name of who asks) -> Calibration``
        Returns gradients and activations of the images given to ``prune``; raises
        MethodError when there are none.
    shapes : mapping of str to tuple of int
        Shape of every parameter of the network.
    """

    seed: int
    rule: int
    weights: Mapping[str, torch.Tensor]
    votes: Mapping[str, Vote] = field(default_factory=dict)
    groups: Callable[[], Sequence[CouplingGroup]] = tuple
    blocks: Callable[[], Sequence[ResidualBlock]] = tuple
    scales: Callable[[], Mapping[str, torch.Tensor]] = dict
    calibration: Callable[[str], Calibration] = no_calibration
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class MaskSet:
    """What a method returns.

    Parameters
    ----------
    masks : mapping of str to torch.Tensor
        Layer id to a bool tensor of the weight's shape, True = keep.
    channel_masks : mapping of str to torch.Tensor
        Name of another parameter (a bias, a batch norm's scale or offset) to a
        bool tensor of its shape, True = keep. Only channel methods fill it.
    notes : mapping of str to str
        Layer id to a remark for the report.
    """

    masks: Mapping[str, torch.Tensor]
    channel_masks: Mapping[str, torch.Tensor] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


def accepts_all(layer: Layer, params: Any) -> Refusal | None:
    """Return None: the method can prune any layer."""
    return None


@dataclass(frozen=True)
class Method:
    """One row of the table of methods.

    Parameters
    ----------
    name : str
        As written in recipes.
    keeps : str
        What survives, in one line.
    source : str
        Paper or convention.
    params : type of MethodParams
        Its parameters.
    masks : callable ``(targets, params, context) -> MaskSet``
        Turns scores into masks; deterministic under ``context.seed``.
    at_sparsity : callable ``(sparsity) -> dict``
        Parameters that bring the method closest to a sparsity in 0..1; raises
        MethodError when the method cannot reach it.
    refuses : callable ``(layer, params) -> Refusal or None``
        Why the method cannot prune this layer, decided from its shape alone.
    granularity : str
        element, block, n:m, kernel, stripe, pattern, filter, channel or layer.
    """

    name: str
    keeps: str
    source: str
    params: type[MethodParams]
    masks: Callable[[Sequence[Target], Any, Context], MaskSet]
    at_sparsity: Callable[[float], dict[str, object]]
    refuses: Callable[[Layer, Any], Refusal | None] = accepts_all
    granularity: str = "element"


def by_sparsity(sparsity: float) -> dict[str, object]:
    """Return the parameters of a method that takes a plain sparsity."""
    return {"sparsity": sparsity}
