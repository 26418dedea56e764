"""Hard-concrete gates on channels, trained against a MACs target.

Belongs here: the technique. Does not belong here: the MACs as a function of the gates
(``unit_macs.py``).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Generator, Tensor, nn

from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning.coupling.groups import coupling_groups
from workbench.pruning.coupling.values import CouplingGroup
from workbench.pruning.method import MaskSet
from workbench.pruning.prune import prune
from workbench.pruning.recipe.assign import protected_layers
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.recipe.rule import Rule
from workbench.training.learned.scaled import ScaledCut
from workbench.training.learned.unit_macs import UnitMacs
from workbench.training.loop.technique import Batch
from workbench.training.masks.frozen import mask_set

# The stretched concrete distribution of Louizos et al., section 4.
_LOW, _HIGH, _HEAT = -0.1, 1.1, 2 / 3
_START = 2.5
_RATE = 20.0


class MacsGates(ScaledCut):
    """Multiplies what layers read by random gates and trains them towards a target.

    The loss gains ``lam * (E[MACs] / dense - target)^2``: the paper's
    ``max(0, ...)`` in a form that short runs with momentum settle at, rather than
    shoot past. At the cut the gates rank the channels, and the lowest go until the
    MACs are nearest to the target.

    Parameters
    ----------
    base : Network
        The dense network, from whose weights the run starts.
    target : float
        MACs to reach over dense MACs, 0 < target < 1.
    lam : float
        Weight of the penalty.
    switch : float
        Share of the run before the cut.
    seed : int
        Of the gates' noise.

    Source
    ------
    Tang, Adhikari and Lin, "FLOPs as a Direct Optimization Objective for Learning
    Sparse Neural Networks", 2018, equation 4; gates: Louizos, Welling and Kingma,
    "Learning Sparse Neural Networks through L0 Regularization", 2018, section 4.
    """

    def __init__(
        self,
        base: Network,
        *,
        target: float,
        lam: float = 32.0,
        switch: float = 0.6,
        seed: int = 0,
    ) -> None:
        super().__init__(switch)
        self.groups = tuple(_gateable(base))
        self.macs = UnitMacs(base, self.groups)
        self._base, self.target, self.lam = base, target, lam
        self.identity = f"gates {target} {lam} {switch} {seed}"
        self._recipe = Recipe()
        least = float(self.macs(self._least())) / self.macs.dense
        if not least < target < 1:
            raise WorkbenchError(
                f"a target of {target:g} of the dense MACs",
                f"more than {least:.3f} (one channel a layer) and less than 1",
                "Choose a target in between.",
            )
        self.logits = {
            group.root: nn.Parameter(torch.full((group.size,), _START))
            for group in self.groups
        }
        self._noise = Generator().manual_seed(seed)
        self._gates: dict[str, Tensor] = {}

    @property
    def recipe(self) -> Recipe:
        """Filter rules that remove as many channels of each group."""
        return self._recipe

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the logits of the gates."""
        return iter(self.logits.values())

    def rate(self) -> float:
        """Return the gates' learning rate over the weights'."""
        return _RATE

    def draw(self) -> Mapping[str, Tensor]:
        """Return the factors of this step's random gates."""
        gates = {}
        for root, logit in self.logits.items():
            uniform = torch.rand(logit.shape, generator=self._noise)
            uniform = uniform.clamp(1e-6, 1 - 1e-6)
            noise = torch.log(uniform) - torch.log1p(-uniform)
            gates[root] = _stretched(torch.sigmoid((noise + logit) / _HEAT))
        return self._factors_of(gates)

    def settled(self) -> Mapping[str, Tensor]:
        """Return the factors of the gates without noise."""
        return self._factors_of(
            {
                root: _stretched(torch.sigmoid(logit.detach()))
                for root, logit in self.logits.items()
            }
        )

    def loss(self, loss: Tensor, batch: Batch) -> Tensor:
        """Add the penalty on the expected MACs."""
        if self.done:
            return loss
        excess = self.expected() / self.macs.dense - self.target
        return loss + self.lam * excess.square()

    def expected(self) -> Tensor:
        """Return the expected MACs: a gate is open with a known probability."""
        shift = _HEAT * math.log(-_LOW / _HIGH)
        return self.macs({r: torch.sigmoid(x - shift) for r, x in self.logits.items()})

    def choose(self) -> MaskSet:
        """Return the masks whose MACs are nearest to the target."""
        alive = self._nearest()
        rules = []
        for group in self.groups:
            removed = group.size - int(alive[group.root].sum())
            if removed:
                share = removed / group.size
                rules.append(Rule.of(group.root, "filter", sparsity=share))
        self._recipe = Recipe(layers=tuple(rules))
        return mask_set(prune(self._ranked(), self._recipe))

    def remarks(self) -> dict[str, float]:
        """Return the expected MACs over the dense ones."""
        return {"expected_macs": float(self.expected().detach()) / self.macs.dense}

    def state(self) -> dict[str, Any]:
        """Return masks, logits, noise and, after the cut, the recipe."""
        return {
            **super().state(),
            "logits": {name: logit.detach() for name, logit in self.logits.items()},
            "noise": self._noise.get_state(),
            "recipe": self.recipe.dump(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take them back."""
        super().load(state)
        with torch.no_grad():
            for name, value in state["logits"].items():
                self.logits[name].copy_(value)
        self._noise.set_state(state["noise"])
        self._recipe = Recipe.loads(state["recipe"])

    def _factors_of(self, gates: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return a factor a consumer: gating its input scales its weight's columns."""
        factors: dict[str, Tensor] = {}
        for group in self.groups:
            for member in group.members:
                layer = self._base.layer(member.layer)
                if member.side != "in" or layer.depthwise:
                    continue
                width = layer.weight_shape[1]
                units = torch.from_numpy(member.units)[:width]
                inside = torch.nonzero(units >= 0).reshape(-1)
                shape = (1, width, *([1] * (len(layer.weight_shape) - 2)))
                before = factors.get(layer.id, torch.ones(shape)).reshape(-1)
                found = gates[group.root][units[inside]]
                factors[layer.id] = before.index_put((inside,), found).reshape(shape)
        return factors

    def _least(self) -> dict[str, Tensor]:
        """Return one live unit a group."""
        return {
            group.root: (torch.arange(group.size) == 0).float() for group in self.groups
        }

    def _nearest(self) -> dict[str, Tensor]:
        """Return which units live: the lowest gates die until the target is near.

        The last one to die is the lowest of the group where it lands nearest.
        """
        order = []
        for root, logit in self.logits.items():
            values = logit.detach()
            best = int(values.argmax())
            order += [(float(v), root, u) for u, v in enumerate(values) if u != best]
        order.sort()
        # The longest row of deaths that still leaves more MACs than the target.
        low, high = 0, len(order)
        while low < high:
            middle = (low + high + 1) // 2
            if self._macs_without(order[:middle]) >= self.target:
                low = middle
            else:
                high = middle - 1
        dead, rest = order[:low], order[low:]
        lowest = {root: (v, root, u) for v, root, u in reversed(rest)}
        choices = [dead, *([*dead, one] for one in lowest.values())]
        return self._alive(
            min(choices, key=lambda one: abs(self._macs_without(one) - self.target))
        )

    def _macs_without(self, dead: list[tuple[float, str, int]]) -> float:
        return float(self.macs(self._alive(dead))) / self.macs.dense

    def _alive(self, dead: list[tuple[float, str, int]]) -> dict[str, Tensor]:
        alive = {group.root: torch.ones(group.size) for group in self.groups}
        for _, root, unit in dead:
            alive[root][unit] = 0.0
        return alive

    @torch.no_grad()
    def _ranked(self) -> Network:
        """Return the network with rows of which the L1 norm ranks as the gates do."""
        module = copy.deepcopy(self.module)
        for group in self.groups:
            order = self.logits[group.root].detach().argsort(stable=True)
            rank = torch.empty(group.size)
            rank[order] = torch.arange(1.0, group.size + 1)
            for member in group.members:
                if member.side == "out":
                    weight = module.get_parameter(f"{member.layer}.weight")
                    units = torch.from_numpy(member.units)
                    inside = units >= 0
                    shape = (-1, *([1] * (weight.ndim - 1)))
                    rows = rank[units[inside]].reshape(shape)
                    weight[inside] = rows.expand_as(weight[inside])
        return replace(self._base, module=module)


def _stretched(concrete: Tensor) -> Tensor:
    return (concrete * (_HIGH - _LOW) + _LOW).clamp(0, 1)


def _gateable(base: Network) -> Iterator[CouplingGroup]:
    """Yield the groups that may lose channels; the first convolution stays whole."""
    special = protected_layers(base)
    for group in coupling_groups(base):
        free = not any(layer in special for layer in group.producers)
        if not group.blocked and group.size > 1 and free:
            yield group
