"""`hub:ORG/NAME`: a repository of the Hugging Face hub, safetensors only."""

import json
from pathlib import Path
from typing import Any

from torch import nn

from workbench.errors import WorkbenchError
from workbench.models.factory import call_factory
from workbench.models.matching import load_into
from workbench.models.reparametrised import fold_weights
from workbench.models.sources import timm
from workbench.models.sources.request import (
    RANDOM_NOTE,
    Found,
    Request,
    Source,
    seeded,
    unusable,
    without_weights,
)
from workbench.models.weights_file import read_weights
from workbench.reading import read_regular

WEIGHTS, CONFIG, FACTORY = "model.safetensors", "config.json", "factory"


def load(request: Request) -> Found:
    """Return a network of the hub: timm's by its config, others by a factory.

    Raises
    ------
    WorkbenchError
        huggingface_hub is missing, the files cannot be had, there are no safetensors,
        or nothing says which architecture it is.
    """
    try:
        import huggingface_hub
    except Exception as error:
        raise unusable("hub", error) from error
    if request.name.count("/") != 1:
        raise WorkbenchError(
            f"'{request.spec}'",
            "hub:ORG/NAME, as in the address of the repository",
            "Write the organisation and the name with one slash between them.",
        )

    def fetched(file: str) -> Path:
        try:
            return Path(huggingface_hub.hf_hub_download(request.name, file))
        except Exception as error:
            if type(error).__name__ == "EntryNotFoundError" or (
                type(error).__name__ == "RemoteEntryNotFoundError"
            ):
                raise WorkbenchError(
                    f"no {file} in '{request.name}'",
                    "a repository with config.json and model.safetensors",
                    "Weights in pickles are not read: ask its owner to convert "
                    "them, or save the state_dict as safetensors and give that.",
                ) from error
            raise without_weights(request, error) from error

    settings = dict(request.settings)
    factory = settings.pop(FACTORY, None)
    config: Any = {}
    if factory is None:
        config = json.loads(read_regular(fetched(CONFIG)))
    found = _built(request, factory, config, settings)
    if request.own_weights:
        fold_weights(found.module)
        load_into(found.module, read_weights(fetched(WEIGHTS)).state)
    return found


def _built(request: Request, factory: Any, config: Any, settings: Any) -> Found:
    notes = (RANDOM_NOTE,) if request.random else ()
    if factory is not None:
        with seeded():
            module: nn.Module = call_factory(str(factory), settings)
        return Found(module, notes=notes)
    name = config.get("architecture")
    if not isinstance(name, str):
        kinds = ", ".join(config.get("architectures") or ()) or "nothing known"
        raise WorkbenchError(
            f"'{request.name}', whose config.json names {kinds}",
            "a timm architecture, or a factory of your own that builds the network",
            "Give the factory: --set factory=package.module:function.",
        )
    given = {"num_classes": config["num_classes"]} if "num_classes" in config else {}
    given |= config.get("model_args") or {}
    bare = Request(request.spec, name, random=True, settings={**given, **settings})
    own = timm.load(bare)
    cfg = config.get("pretrained_cfg") or {}
    size = cfg.get("input_size")
    shape = (int(size[0]), int(size[1]), int(size[2])) if size else own.input_shape
    norm = own.norm
    if cfg.get("mean") and cfg.get("std"):
        norm = tuple(cfg["mean"]), tuple(cfg["std"])
    return Found(own.module, shape, norm, notes)


SOURCE = Source("hub", "hub:ORG/NAME", load)
