"""`timm:NAME`: PyTorch Image Models."""

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


def load(request: Request) -> Found:
    """Return a model of timm; its images are those of its pretrained_cfg.

    Raises
    ------
    WorkbenchError
        timm is missing or has no such model, its weights cannot be had, or the
        settings are not arguments of the model.
    """
    try:
        import timm
    except Exception as error:
        raise unusable("timm", error) from error
    name = request.name
    if not timm.is_model(name.partition(".")[0]):
        known = timm.list_models()
        near = get_close_matches(name, known, n=4) or known[:4]
        raise WorkbenchError(
            f"no model '{name}' in timm {timm.__version__}",
            f"one of its {len(known)}, for example {', '.join(near)}",
            "List them in Python: timm.list_models('*net*').",
        )
    try:
        with seeded():
            module = timm.create_model(
                name, pretrained=request.own_weights, **request.settings
            )
    except TypeError as error:
        raise WorkbenchError(
            f"timm's '{name}' does not take these settings ({error})",
            "arguments of timm.create_model",
            "Leave the setting out, or correct its name.",
        ) from error
    # Connections fail in many ways, and names without weights in one more.
    except Exception as error:
        raise without_weights(request, error) from error
    config = getattr(module, "pretrained_cfg", None) or {}
    return Found(
        module,
        _shape(config, request),
        _norm(config),
        (RANDOM_NOTE,) if request.random else (),
    )


def _shape(config: Any, request: Request) -> tuple[int, int, int]:
    size = request.settings.get("img_size")
    channels, height, width = config.get("input_size") or (3, 224, 224)
    channels = request.settings.get("in_chans", channels)
    if isinstance(size, int):
        height = width = size
    elif size is not None:
        height, width = size
    return int(channels), int(height), int(width)


def _norm(config: Any) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    mean, std = config.get("mean"), config.get("std")
    if mean is None or std is None:
        return None
    return tuple(map(float, mean)), tuple(map(float, std))


SOURCE = Source("timm", "timm:NAME", load)
