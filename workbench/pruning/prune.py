"""Pruning: a network and a recipe give a new network with masks.

Belongs here: running the rules and combining their masks. Does not belong here: any
method (``methods/``), or which layer a rule means (``assign``).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial

import torch

from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.given import require_network
from workbench.models.network import Network
from workbench.pruning.calibration import Calibration
from workbench.pruning.computed import computed_weights
from workbench.pruning.coupling.groups import coupling_groups
from workbench.pruning.coupling.ties import tied_layers
from workbench.pruning.coupling.values import CouplingGroup
from workbench.pruning.masks import apply_masks, named_masks
from workbench.pruning.method import (
    Context,
    MaskSet,
    MethodError,
    Refusal,
    Target,
    Vote,
    no_calibration,
)
from workbench.pruning.methods import METHODS
from workbench.pruning.neighbours import norm_scales
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.assign import Assignment, assign
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.recipe.rule import Rule
from workbench.pruning.report import make_report
from workbench.pruning.residual_blocks import ResidualBlock, residual_blocks


def prune(
    network: Network,
    recipe: Recipe | None = None,
    data: Dataset | None = None,
    *,
    masks: Mapping[str, torch.Tensor] | None = None,
) -> PrunedNetwork:
    """Return the network pruned by the recipe; ``network`` is not changed.

    Parameters
    ----------
    network : Network
        Any network; its layers are matched by id.
    recipe : Recipe
        The same recipe gives the same masks on the same weights (and images).
    data : Dataset, optional
        Training images for the criteria that look at some (``taylor``, ``apoz``).
    masks : mapping of str to torch.Tensor, optional
        Masks that exist already, in place of a recipe: by layer id or parameter name,
        True = keep. For weights that come back from a training loop of one's own.

    Raises
    ------
    WorkbenchError
        Both a recipe and masks, neither, or masks that do not fit.
    RecipeError
        A rule matches no layer.
    MethodError
        A rule names a layer that its method cannot prune. Layers that only a wildcard
        reached are left dense instead, and ``report.note`` says so.

    Examples
    --------
    >>> from torch import nn
    >>> from workbench.models.inspect import from_module
    >>> net = from_module(
    ...     nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3), nn.Conv2d(8, 2, 1)),
    ...     input_shape=(1, 8, 8),
    ... )
    >>> pruned = prune(net, Recipe.uniform("magnitude", 0.5))
    >>> [(row.id, row.zeros) for row in pruned.report.layers]
    [('0', 0), ('1', 144), ('2', 0)]
    """
    require_network(network)
    if masks is not None and recipe is None:
        return _by_masks(network, masks)
    if masks is not None or recipe is None:
        raise WorkbenchError(
            "both a recipe and masks" if recipe else "neither a recipe nor masks",
            "one of them",
            'Pass Recipe.uniform("magnitude", 0.8), or masks=pruned.parameter_masks.',
        )
    assignments = assign(recipe, network)
    weights = _weights(network)
    notes = {
        row.layer.id: f"left dense: {row.protected}; name it to prune it"
        for row in assignments
        if row.protected
    }
    computed = computed_weights(network)
    ties = tied_layers(network)
    for row in assignments:
        if row.layer.id in ties:
            notes[row.layer.id] = _tie_note(row, ties[row.layer.id], notes)
    votes = {
        row.layer.id: Vote(row.index, row.method)
        for row in assignments
        if row.rule is not None
    }
    results = []
    for index, rule in enumerate(recipe.layers):
        targets = _targets(rule, index, assignments, weights, notes, computed)
        # One tensor is scored and counted once.
        targets = [
            target
            for target in targets
            if target.id == ties.get(target.id, (target.id,))[0]
        ]
        context = Context(
            seed=recipe.seed,
            rule=index,
            weights=weights,
            votes=votes,
            groups=partial(_groups, network),
            blocks=partial(_blocks, network),
            scales=partial(_scales, network),
            calibration=_calibration_of(network, data),
            shapes={
                name: tuple(parameter.shape)
                for name, parameter in network.module.named_parameters(
                    remove_duplicate=False
                )
            },
        )
        results.append(_run(rule, targets, context))
    return _combined(network, recipe, results, assignments, notes, ties)


def _by_masks(network: Network, masks: Mapping[str, torch.Tensor]) -> PrunedNetwork:
    """Return the network with given masks, under a recipe that asks for nothing."""
    named = named_masks(network.module, masks)
    weights = {f"{layer.id}.weight": layer.id for layer in network.layers}
    found = MaskSet(
        {weights[name]: mask for name, mask in named.items() if name in weights},
        {name: mask for name, mask in named.items() if name not in weights},
        {weights[name]: "mask given" for name in named if name in weights},
    )
    recipe = Recipe()
    ties = tied_layers(network)
    return _combined(network, recipe, [found], assign(recipe, network), {}, ties)


def _tie_note(row: Assignment, names: tuple[str, ...], notes: Mapping[str, str]) -> str:
    """Return what the report says of a layer that shares its weight."""
    others = ", ".join(repr(name) for name in names if name != row.layer.id)
    note = f"the same weight as {others}"
    if row.tied is not None and row.rule is not None:
        note += f"; {row.rule.place} decides, the last that matches one of them"
    before = notes.get(row.layer.id)
    return f"{before}; {note}" if before else note


@lru_cache(maxsize=2)
def _groups(network: Network) -> Sequence[CouplingGroup]:
    """Return the network's coupling groups; traced once for a sweep of recipes."""
    return coupling_groups(network)


@lru_cache(maxsize=2)
def _blocks(network: Network) -> Sequence[ResidualBlock]:
    """Return the network's residual blocks; found once for a sweep of recipes."""
    return residual_blocks(network)


@lru_cache(maxsize=2)
def _scales(network: Network) -> Mapping[str, torch.Tensor]:
    """Return the batch-norm scales by layer; found once for a sweep of recipes."""
    return norm_scales(network)


@lru_cache(maxsize=2)
def _calibration(network: Network, data: Dataset) -> Calibration:
    """Return what the images say; computed once for a sweep of recipes."""
    return Calibration(network, data)


def _calibration_of(
    network: Network, data: Dataset | None
) -> Callable[[str], Calibration]:
    if data is None:
        return no_calibration
    found = _calibration(network, data)
    return lambda _reader: found


def _weights(network: Network) -> dict[str, torch.Tensor]:
    """Return every layer's weight, detached and checked to be finite."""
    found = {}
    for layer in network.layers:
        weight = network.module.get_parameter(f"{layer.id}.weight").detach()
        if not all(math.isfinite(end) for end in torch.aminmax(weight)):
            raise MethodError(
                f"weights of '{layer.id}' that are NaN or infinite",
                "finite numbers",
                "Load another checkpoint; this one has diverged.",
            )
        found[layer.id] = weight
    return found


def _targets(
    rule: Rule,
    index: int,
    assignments: Sequence[Assignment],
    weights: dict[str, torch.Tensor],
    notes: dict[str, str],
    computed: Mapping[str, str],
) -> list[Target]:
    """Return the layers that the rule prunes; others get a note or an error."""
    row = METHODS[rule.method]
    targets = []
    for found in assignments:
        if found.index != index or found.protected:
            continue
        refusal = row.refuses(found.layer, rule.params)
        if rule.method != "none":
            refusal = _unkept(found.layer.id, computed) or refusal
        if refusal is None:
            weight = weights[found.layer.id]
            targets.append(Target(found.layer, weight, rule.explicit))
        elif rule.explicit:
            raise refusal.raised(f"{rule.place}: ")
        else:
            notes[found.layer.id] = f"left dense: {refusal}"
    return targets


def _unkept(name: str, computed: Mapping[str, str]) -> Refusal | None:
    """Return why zeros of a layer's weight would be none in the network, or None."""
    if name not in computed:
        return None
    return Refusal(
        f"the weight of {name!r}, of which zeros in it do not stay zeros: "
        f"{computed[name]}",
        "a layer that computes with its weight as it is, or scaled",
        "Put a plain layer with the computed weight in its place, or leave it dense.",
    )


def _run(rule: Rule, targets: list[Target], context: Context) -> MaskSet:
    try:
        return METHODS[rule.method].masks(targets, rule.params, context)
    except MethodError as error:
        raise MethodError(
            f"{rule.place}: {error.found}", error.expected, error.next_step
        ) from None


def _combined(
    network: Network,
    recipe: Recipe,
    results: Sequence[MaskSet],
    assignments: Sequence[Assignment],
    notes: dict[str, str],
    ties: Mapping[str, tuple[str, ...]],
) -> PrunedNetwork:
    """Return the pruned copy: a weight stays only if every rule keeps it."""
    module = copy.deepcopy(network.module)
    names = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    masks: dict[str, torch.Tensor] = {}
    others: dict[str, torch.Tensor] = {}
    for result in results:
        for name, mask in result.masks.items():
            masks[name] = masks[name] & mask if name in masks else mask
        for name, mask in result.channel_masks.items():
            if name in names:
                others[name] = others[name] & mask if name in others else mask
        for name, note in result.notes.items():
            notes[name] = f"{notes[name]}; {note}" if name in notes else note
    for tied in dict.fromkeys(ties.values()):
        shared = [masks[name] for name in tied if name in masks]
        if shared:
            masks.update(dict.fromkeys(tied, torch.stack(shared).all(dim=0)))
    masks = {name: mask for name, mask in masks.items() if not bool(mask.all())}
    others = {name: mask for name, mask in others.items() if not bool(mask.all())}
    apply_masks(module, {f"{name}.weight": mask for name, mask in masks.items()})
    apply_masks(module, others)
    methods = {row.layer.id: row.method for row in assignments}
    report = make_report(network.layers, masks, methods=methods, notes=notes)
    return PrunedNetwork(network, module, masks, recipe, report, others)
