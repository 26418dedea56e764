"""Moving average of weights: what is scored and returned instead of the last step.

Belongs here: the technique. Does not belong here: batch-norm re-estimation
(``batchnorm.py``), which the average of running statistics usually makes needless.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from workbench.training.loop.technique import Technique


class MovingAverage(Technique):
    """Keeps ``average = decay * average + (1 - decay) * weights`` after every step.

    Floating-point buffers are averaged as well, others copied. A weight that is zero
    at the start and at every step has the average zero, exactly.

    Parameters
    ----------
    decay : float
        0 < decay < 1; 0.99 looks back about 100 steps.

    Source
    ------
    Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.identity = f"average {decay}"
        self._average: dict[str, Tensor] = {}
        self._live: dict[str, Tensor] = {}

    def prepare(self, module: nn.Module) -> None:
        """Start from the network's own weights."""
        self._live = module.state_dict()
        self._average = {name: value.clone() for name, value in self._live.items()}

    @torch.no_grad()
    def after_step(self) -> None:
        """Move the average towards the weights."""
        for name, value in self._live.items():
            average = self._average[name]
            if average.is_floating_point():
                average.lerp_(value, 1 - self.decay)
            else:
                average.copy_(value)

    def finish(self, result: nn.Module) -> None:
        """Put the average into the copy."""
        result.load_state_dict(self._average)

    def state(self) -> dict[str, Any]:
        """Return the average."""
        return dict(self._average)

    def load(self, state: dict[str, Any]) -> None:
        """Take the average back."""
        for name, value in state.items():
            self._average[name].copy_(value)
