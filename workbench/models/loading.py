"""Networks by name, by factory and from uploads: ``load_model``, ``load_upload``.

Belongs here: which of the three a request is. Does not belong here: reading weights
files, matching tensors and inspecting layers (a module each).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workbench.capture.from_torch.suitable import notes_on
from workbench.errors import WorkbenchError
from workbench.models.architectures import ARCHITECTURES, Architecture, architecture
from workbench.models.classes import DATASET_CLASSES
from workbench.models.input_shapes import Shapes
from workbench.models.inspect import network_of
from workbench.models.matching import WeightsMismatchError, check_fits
from workbench.models.narrower import load_narrower
from workbench.models.network import Network
from workbench.models.norm import check_norm, for_channels, norm_said_by
from workbench.models.reparametrised import fold_weights
from workbench.models.samples import SAMPLES, Sample, sample
from workbench.models.sources import (
    SOURCES,
    Request,
    Source,
    is_file,
    is_of_source,
    source_of,
)
from workbench.models.weights_file import WeightsFile, read_weights

_FILE_ADVICE = (
    "Name the model and give its weights beside it (weights=, --weights). Of files, "
    "only .onnx says by itself what the network is."
)


def load_model(
    spec: str,
    *,
    weights: str | Path | bytes | None = None,
    input_shape: Shapes | None = None,
    random: bool = False,
    norm: tuple[Sequence[float], Sequence[float]] | None = None,
    **settings: Any,
) -> Network:
    """Return a network: a sample, a known architecture, or one of a source.

    Parameters
    ----------
    spec : str
        A sample's name (``"resnet20-cifar10"``), an architecture's name
        (``"resnet50"``), ``"timm:NAME"``, ``"torchvision:NAME"``, ``"hub:ORG/NAME"``
        (safetensors of the Hugging Face hub), ``"package.module:function"``, or the
        path of an ONNX file (``"net.onnx"``).
    weights : str, Path or bytes, optional
        A safetensors or state_dict file (or its content) to take instead of the
        sample's own or the initial weights; also of a network that ``shrink`` made of
        this one: the layers are built as narrow as its tensors.
    input_shape : (int, int, int), optional
        One image, (C, H, W). A factory needs it, and an ONNX file that leaves its sizes
        free; the others know their own. Several
        inputs in order or by name, as `from_module` takes them.
    random : bool
        Random weights of a fixed seed, where the source has weights of its own.
    norm : (mean, std), optional
        What its images are normalised with, of pixels 0..1, one number or one a
        channel; else what the source says, else what is known of the images.
    **settings
        Arguments of the factory or of the library's function: ``num_classes=3``.

    Raises
    ------
    WorkbenchError
        If the name is unknown, or the weights are unsafe, damaged or do not fit.

    Examples
    --------
    >>> net = load_model("lenet5-mnist5k")
    >>> [layer.id for layer in net.layers]
    ['conv1', 'conv2', 'fc1', 'fc2']
    """
    made = _network(spec, Request(spec, "", weights, input_shape, random, settings))
    if norm is None:
        return made
    channels = made.input_shape[0]
    return replace(made, norm=for_channels(check_norm(norm), channels))


def _network(spec: str, request: Request) -> Network:
    if is_of_source(spec):
        source, name = source_of(spec)
        return _from_source(source, replace(request, name=name))
    if request.settings or request.random:
        raise WorkbenchError(
            f"'{spec}' with " + (", ".join(request.settings) or "random weights"),
            "settings for a model of a source: "
            + ", ".join(source.form for source in SOURCES),
            "Leave them out, or name a factory.",
        )
    weights, input_shape = request.weights, request.input_shape
    if spec in SAMPLES:
        return _from_sample(sample(spec), weights=weights, input_shape=input_shape)
    if spec in ARCHITECTURES:
        return _from_architecture(
            architecture(spec), weights=weights, input_shape=input_shape
        )
    raise WorkbenchError(
        f"model '{spec}'",
        "a sample (" + ", ".join(SAMPLES) + "), an architecture "
        "("
        + ", ".join(ARCHITECTURES)
        + ") or "
        + ", ".join(source.form for source in SOURCES),
        _FILE_ADVICE if Path(spec).suffix else "Choose one, or name a Python factory.",
    )


def load_upload(
    architecture_name: str, weights: bytes | Path, *, name: str, dataset: str | None
) -> Network:
    """Return a network of a known architecture with uploaded weights.

    The number of classes (and the width, where there is one) is read off the tensors.

    Parameters
    ----------
    architecture_name : str
        A name of the architecture table.
    weights : bytes or Path
        Content of a safetensors or state_dict file.
    name : str
        What people will call the network.
    dataset : str or None
        What it was trained on, if known.

    Raises
    ------
    WorkbenchError
        If the architecture is unknown, or the weights are unsafe, damaged or do not
        fit.
    """
    known = architecture(architecture_name)
    module, notes = _filled(known, read_weights(weights))
    made = network_of(
        module,
        input_shape=known.input_shape,
        name=name,
        classes=_classes(dataset, module, known),
        dataset=dataset,
    )
    return replace(made, notes=notes)


def load_onnx(
    content: bytes,
    *,
    name: str,
    dataset: str | None = None,
    input_shape: Shapes | None = None,
) -> Network:
    """Return the network of an uploaded ONNX file.

    Parameters
    ----------
    content : bytes
        The whole file, its weights inside.
    name : str
        What people will call the network.
    dataset : str or None
        What it was trained on, if known.
    input_shape : (int, int, int), optional
        Where the file leaves sizes free.

    Raises
    ------
    WorkbenchError
        The file is damaged, has an operation that is not covered, or free sizes.
    """
    from workbench.models.sources.onnx import found_in

    found = found_in(content, input_shape)
    assert found.input_shape is not None
    made = network_of(
        found.module,
        input_shape=found.input_shape,
        name=name,
        classes=(),
        dataset=dataset,
    )
    names = DATASET_CLASSES.get(dataset or "", ())
    last = made.layers[-1].weight_shape[0]
    classes = names if last == len(names) else ()
    return replace(made, classes=classes, notes=found.notes)


def _from_source(source: Source, request: Request) -> Network:
    found = source.load(request)
    module = found.module
    narrowed: tuple[str, ...] = ()
    # A file's own inputs have names and sizes that it knows best.
    shape = None if is_file(request.spec) else request.input_shape
    shape = shape or found.input_shape
    if shape is None:
        raise WorkbenchError(
            f"no input shape for '{request.spec}'",
            "the shape of one image: channels, height, width",
            "Add input_shape=(3, 224, 224), or --input-shape 3,224,224.",
        )
    if request.weights is not None:
        fold_weights(module)
        state = read_weights(request.weights).state
        module, narrowed = load_narrower(module, state, shape)
    notes = (*notes_on(module.eval()), *narrowed)
    name = Path(request.spec).name if is_file(request.spec) else request.spec
    made = network_of(module, input_shape=shape, name=name, classes=(), dataset=None)
    norm = found.norm or norm_said_by(module)
    if norm is not None:
        norm = for_channels(norm, made.input_shape[0])
    return replace(made, notes=(*found.notes, *notes), norm=norm)


def _from_sample(
    chosen: Sample,
    *,
    weights: str | Path | bytes | None,
    input_shape: Shapes | None,
) -> Network:
    known = architecture(chosen.architecture)
    source = chosen.weights if weights is None else weights
    module, notes = _made(known, source)
    made = network_of(
        module,
        input_shape=input_shape or known.input_shape,
        name=chosen.name,
        classes=_classes(chosen.dataset, module, known),
        dataset=chosen.dataset,
    )
    return replace(made, notes=notes)


def _from_architecture(
    known: Architecture,
    *,
    weights: str | Path | bytes | None,
    input_shape: Shapes | None,
) -> Network:
    module, notes = _made(known, weights)
    made = network_of(
        module,
        input_shape=input_shape or known.input_shape,
        name=known.name,
        classes=(),
        dataset=None,
    )
    return replace(made, notes=notes)


def _made(
    known: Architecture, weights: str | Path | bytes | None
) -> tuple[nn.Module, tuple[str, ...]]:
    return (
        (known.build(), ())
        if weights is None
        else _filled(known, read_weights(weights))
    )


def _filled(
    known: Architecture, file: WeightsFile
) -> tuple[nn.Module, tuple[str, ...]]:
    """Return the module with a file's weights, and sentences on what is narrower."""
    options = known.options_for(file.state)
    # Sizes alone first: what the tensors claim must fit before memory is taken for it.
    try:
        check_fits(_sizes(known, options), file.state)
    except WeightsMismatchError as refused:
        # A shrunk network's first layer says nothing of the width it was built with.
        options.pop("width", None)
        if not _is_shrunk(_sizes(known, options), file.state):
            raise refused from None
    return load_narrower(known.build(**options), file.state, known.input_shape)


def _is_shrunk(module: nn.Module, state: Mapping[str, Tensor]) -> bool:
    try:
        check_fits(module, state)
    except WeightsMismatchError as error:
        return error.shrunk
    return True


def _sizes(known: Architecture, options: dict[str, int | float]) -> nn.Module:
    """Return the network without memory for its weights."""
    try:
        with torch.device("meta"):
            return known.build(**options)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        said = ", ".join(f"{name} {value:g}" for name, value in options.items())
        raise WorkbenchError(
            f"tensors of a '{known.name}' with {said}",
            "sizes that such a network can have",
            "The file is damaged, or of another architecture.",
        ) from error


def _classes(
    dataset: str | None, module: nn.Module, known: Architecture
) -> tuple[str, ...]:
    names = DATASET_CLASSES.get(dataset or "", ())
    outputs = module.get_submodule(known.head).out_features
    return names if outputs == len(names) else ()
