"""How to fine-tune a pruned network: the value behind ``finetune``'s keywords.

Belongs here: the value, its defaults and its checks. Does not belong here: what is
done with it (``finetune.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from workbench.errors import WorkbenchError
from workbench.pruning.recipe.recipe import Recipe
from workbench.training.loop.options import FitOptions

# Digits are never mirrored; photographs are, and cropped without a black rim.
AUGMENT_OF: Mapping[str, str] = MappingProxyType(
    {"mnist5k": "jitter", "cifar10": "mirror-crop-flip"}
)
SPARSITY_SCHEDULES = ("one-shot", "iterative", "gradual", "admm")


@dataclass(frozen=True)
class FinetuneOptions:
    """How to fine-tune.

    Parameters
    ----------
    epochs : int
        Passes over the training images.
    lr : float
        Highest learning rate.
    schedule : str
        Of sparsity: "one-shot" keeps the masks as they are. The others start again
        from the dense network: "iterative" prunes and retrains in rounds, "gradual"
        grows along a cubic, "admm" pulls weights towards the pruned ones first.
    rounds : int
        Of the iterative schedule; the learning rate starts anew in each.
    rates : str
        Of the learning rate: one-cycle, two-cycles, cosine, step, constant.
    batch_size : int
        Images a step.
    momentum, weight_decay, label_smoothing, warm_up, ema : float
        As in ``FitOptions``.
    augment : str
        As in ``FitOptions``; "auto" takes what suits the dataset by its name.
    precision : str
        "fp32", or "bf16" for autocast on the CPU.
    channels_last : bool
        Memory layout in training.
    distill : float
        Share of the dense network's answers in the loss, 0 <= distill <= 1.
    temperature : float
        That softens both answers.
    bn_images : int
        Training images for a batch-norm re-estimation at the end; 0 for none.
    seed : int
        Of the order of images, augmentation and dropout.
    """

    epochs: int = 5
    lr: float = 0.01
    schedule: str = "one-shot"
    rounds: int = 3
    rates: str = "one-cycle"
    batch_size: int = 128
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    warm_up: float = 0.0
    ema: float = 0.0
    augment: str = "auto"
    precision: str = "fp32"
    channels_last: bool = False
    distill: float = 0.0
    temperature: float = 4.0
    bn_images: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.schedule not in SPARSITY_SCHEDULES:
            raise WorkbenchError(
                f"schedule '{self.schedule}'",
                "one of " + ", ".join(SPARSITY_SCHEDULES),
                "Choose one; learning rates follow 'rates'.",
            )
        if self.rounds < 1:
            raise WorkbenchError(f"{self.rounds} rounds", "1 or more", "Try 3.")
        if not (0 <= self.distill <= 1 and 0 < self.temperature < math.inf):
            raise WorkbenchError(
                f"distill {self.distill} at temperature {self.temperature}",
                "a share of 0 to 1 and a finite temperature above 0",
                "Try distill=0.7 and temperature=4.",
            )
        if self.bn_images < 0:
            raise WorkbenchError(
                f"bn_images {self.bn_images}", "0 or more", "2000 are plenty."
            )

    @classmethod
    def of(cls, recipe: Recipe, settings: Mapping[str, Any]) -> FinetuneOptions:
        """Return the options: settings first, then the recipe's block, then defaults.

        Raises
        ------
        WorkbenchError
            A setting that nobody reads, or an impossible value.
        """
        known = [one.name for one in fields(cls)]
        for name in settings:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                raise WorkbenchError(
                    f"fine-tuning option '{name}'",
                    "one of " + ", ".join(known),
                    f"Did you mean '{near[0]}'?" if near else "Leave it out.",
                )
        asked = {} if recipe.finetune is None else recipe.finetune.model_dump()
        return cls(**{"seed": recipe.seed, **asked, **settings})

    def fit_options(self, dataset: str) -> FitOptions:
        """Return what the loop is told, for images of that dataset."""
        shared = {
            one.name: getattr(self, one.name)
            for one in fields(FitOptions)
            if hasattr(self, one.name)
        }
        augment = self.augment
        if augment == "auto":
            augment = AUGMENT_OF.get(dataset, "none")
        shown = FitOptions(**{**shared, "schedule": self.rates, "augment": augment})
        cycles = self.rounds if self.schedule == "iterative" else 1
        return replace(shown, peak_lr=self.lr, cycles=cycles)
