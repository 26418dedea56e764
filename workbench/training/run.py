"""What every training of the public API does around the loop.

Belongs here: refusing the test split, the checkpoint's path, a method's techniques
before those of hooks. Does not belong here: the loop (``loop.fit``), what goes into a
training and comes out of it (``finetune``, ``learn``, ``scratch``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.training.loop.fit import FitHooks, FitResult, fit
from workbench.training.loop.options import FitOptions
from workbench.training.loop.technique import Technique


def run_training(
    module: nn.Module,
    data: Dataset,
    options: FitOptions,
    *,
    val: Dataset | None,
    checkpoint: str | Path | None,
    hooks: FitHooks | None,
    techniques: Sequence[Technique] = (),
) -> FitResult:
    """Return a trained copy of a module, by the loop.

    Parameters
    ----------
    module : nn.Module
        Where to start; not changed.
    data, val : Dataset
        Training images, and those scored after every epoch.
    options : FitOptions
        How to train.
    checkpoint : str or Path, optional
        Written after every epoch; if it exists, the run continues from it.
    hooks : FitHooks, optional
        Callbacks, and techniques of whoever asks.
    techniques : sequence of Technique
        Of the method; they act before those of the hooks.

    Raises
    ------
    WorkbenchError
        A test split is given; as ``fit``.
    """
    refuse_test(data, val)
    hooks = hooks or FitHooks()
    return fit(
        module,
        data,
        options=options,
        val=val,
        checkpoint=None if checkpoint is None else Path(checkpoint),
        hooks=replace(hooks, techniques=(*techniques, *hooks.techniques)),
    )


def refuse_test(*parts: Dataset | None) -> None:
    """Raise if one of the datasets is a test split.

    Raises
    ------
    WorkbenchError
        It would be trained on, or chosen by.
    """
    for part in parts:
        if part is not None and part.split == "test":
            raise WorkbenchError(
                f"the test split of '{part.name}' to train with",
                "training images, and validation images for val",
                "Score the test split once, at the end: wb.evaluate(tuned, test).",
            )
