"""`torchvision:NAME`: models of torchvision, tasks other than classification too."""

import inspect
from difflib import get_close_matches
from typing import Any

from workbench.errors import WorkbenchError
from workbench.models.sources.request import (
    RANDOM_NOTE,
    Found,
    Request,
    Source,
    seeded,
    unusable,
    without_weights,
)

SIDE = 224
"""Pixels of an image where the weights do not say."""


def load(request: Request) -> Found:
    """Return a model of torchvision with the weights that it calls its default.

    Raises
    ------
    WorkbenchError
        torchvision is missing or has no such model, its weights cannot be had, or the
        settings are not arguments of the model.
    """
    try:
        from torchvision import models
    except Exception as error:
        raise unusable("torchvision", error) from error
    known = models.list_models()
    if request.name not in known:
        near = get_close_matches(request.name, known, n=4) or known[:4]
        raise WorkbenchError(
            f"no model '{request.name}' in torchvision",
            f"one of its {len(known)}, for example {', '.join(near)}",
            'List them with: python -c "from torchvision import models; '
            'print(models.list_models())"',
        )
    weights = models.get_model_weights(request.name)
    best = weights.DEFAULT if len(weights) else None
    settings = dict(request.settings)
    if not request.own_weights:
        taken = inspect.signature(models.get_model_builder(request.name)).parameters
        if "weights_backbone" in taken:
            settings.setdefault("weights_backbone", None)
    try:
        with seeded():
            module = models.get_model(
                request.name, weights=best if request.own_weights else None, **settings
            )
    except (TypeError, ValueError) as error:
        raise WorkbenchError(
            f"torchvision's '{request.name}' does not take these settings ({error})",
            "arguments of its function in torchvision.models",
            "Leave the setting out or correct it; with other classes than the weights "
            "have, take --random or weights of your own.",
        ) from error
    except Exception as error:
        raise without_weights(request, error) from error
    transforms = best.transforms() if best is not None else None
    return Found(
        module,
        _shape(transforms),
        _norm(transforms),
        (RANDOM_NOTE,) if request.random else (),
    )


def _shape(transforms: Any) -> tuple[int, int, int]:
    for name in ("crop_size", "resize_size"):
        size = getattr(transforms, name, None)
        if size:
            side = int(size[0] if isinstance(size, list | tuple) else size)
            return 3, side, side
    return 3, SIDE, SIDE


def _norm(transforms: Any) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    mean, std = getattr(transforms, "mean", None), getattr(transforms, "std", None)
    if not mean or not std:
        return None
    return tuple(map(float, mean)), tuple(map(float, std))


SOURCE = Source("torchvision", "torchvision:NAME", load)
