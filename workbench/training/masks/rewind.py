"""Rewinding: surviving weights go back to what they were earlier in training.

Belongs here: taking a snapshot at a step, and putting it back under masks. Does not
belong here: rounds of it (``lottery.py``).
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from workbench.pruning.masks import apply_masks
from workbench.pruning.pruned import PrunedNetwork
from workbench.training.loop.technique import Technique


class Snapshot(Technique):
    """Remembers the network's state after a number of steps.

    Parameters
    ----------
    step : int
        0 remembers the start.
    """

    def __init__(self, step: int) -> None:
        self.step = step
        self.identity = f"snapshot after {step} steps"
        self.taken: dict[str, Tensor] = {}
        self._steps = 0
        self._module: nn.Module | None = None

    def prepare(self, module: nn.Module) -> None:
        """Take the snapshot of the start, if that is the one."""
        self._module = module
        self._take()

    def after_step(self) -> None:
        """Count, and take the snapshot when its step has come."""
        self._steps += 1
        self._take()

    def state(self) -> dict[str, Any]:
        """Return the count and the snapshot."""
        return {"steps": self._steps, "taken": self.taken}

    def load(self, state: dict[str, Any]) -> None:
        """Take both back."""
        self._steps, self.taken = state["steps"], dict(state["taken"])

    def _take(self) -> None:
        if self._steps == self.step and self._module is not None:
            state = self._module.state_dict()
            self.taken = {name: value.clone() for name, value in state.items()}


@torch.no_grad()
def rewound(pruned: PrunedNetwork, earlier: dict[str, Tensor]) -> PrunedNetwork:
    """Return the same pruning with an earlier state's values, removed ones zero.

    Parameters
    ----------
    pruned : PrunedNetwork
        Its masks are kept; surviving weights, biases, norms and running statistics
        become bit-exactly the earlier ones.
    earlier : dict
        State dict of the same architecture.

    Source
    ------
    Frankle et al., "Stabilizing the Lottery Ticket Hypothesis", 2019, section 3;
    Renda et al., "Comparing Rewinding and Fine-tuning", 2020, section 2.
    """
    module = copy.deepcopy(pruned.module)
    module.load_state_dict(earlier)
    apply_masks(module, pruned.parameter_masks)
    return pruned.with_module(module)
