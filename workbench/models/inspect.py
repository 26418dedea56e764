"""The layer table of a module, read off one forward pass.

Belongs here: ``from_module`` and the hooks it uses. Does not belong here: files.
"""

import copy
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from workbench.capture.from_torch.ends import (
    Given,
    arguments,
    images_of,
    results_of,
    tensors_of,
)
from workbench.capture.from_torch.suitable import (
    cause_of_failure,
    is_float32,
    notes_on,
    refuse_unsuitable,
)
from workbench.errors import WorkbenchError
from workbench.models.given import module_of
from workbench.models.input_shapes import Shapes, named_shapes
from workbench.models.narrower import load_narrower
from workbench.models.network import Layer, Network
from workbench.models.norm import check_norm, for_channels, norm_said_by
from workbench.models.reparametrised import fold_weights, own_copy
from workbench.models.weights_file import read_weights

if TYPE_CHECKING:
    from workbench.capture.from_torch.torch_export import HasModule

# Below this many values an image is run for real: torch's shape-only mode takes about
# a second to get ready.
_SMALL_IMAGE = 3 * 64 * 64
_FEW_ELEMENTS = 1 << 22
# Errors whose text alone says what is wrong; of others the name says most.
_SAYING = (RuntimeError, ValueError, TypeError, IndexError, AttributeError)


def from_module(
    module: "nn.Module | HasModule",
    *,
    input_shape: Shapes,
    name: str = "model",
    classes: tuple[str, ...] = (),
    dataset: str | None = None,
    weights: str | Path | bytes | None = None,
    norm: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Network:
    """Return a Network around a copy of any nn.Module that takes images.

    Parameters
    ----------
    module : nn.Module
        Or a network, whose module is taken. Copied; the copy is put into evaluation
        mode, on the CPU and in float32; ``notes`` of the network say what that changed.
        Weights that it computes from others (weight norm, spectral norm,
        parametrisations) become plain ones.
    input_shape : (int, int, int), or a sequence or mapping of shapes
        One image, (C, H, W). Several inputs in the order of forward's parameters, or by
        their names; an image comes first.
    name : str
        What people will call it.
    classes : tuple of str
        Class names in output order, if known.
    dataset : str, optional
        What it was trained on, for example ``"cifar10"``.
    weights : str, Path or bytes, optional
        A safetensors or state_dict file, or its content, to fill the copy with; also of
        a network that ``shrink`` made of this one.
    norm : (mean, std), optional
        What its images are normalised with, of pixels 0..1, one number or one a
        channel; else what the module's ``pretrained_cfg`` says, else what is known of
        the images.

    Raises
    ------
    WorkbenchError
        If the weights do not fit, the forward pass fails on that input shape, no tensor
        comes out, there is no layer to prune, or a layer still carries the
        ``weight_orig`` of ``torch.nn.utils.prune``.

    Examples
    --------
    >>> net = from_module(nn.Sequential(nn.Conv2d(3, 4, 3)), input_shape=(3, 8, 8))
    >>> [(layer.id, layer.weight_shape, layer.macs) for layer in net.layers]
    [('0', (4, 3, 3, 3), 3888)]
    """
    module = module_of(module)
    refuse_unsuitable(module)
    _check_plain(module)
    notes = notes_on(module)
    own = copy.deepcopy(module, own_copy(module)).cpu()
    if weights is not None:
        fold_weights(own)
        state = read_weights(weights).state
        own, narrowed = load_narrower(own.float(), state, input_shape)
        notes = (*notes, *narrowed)
    made = network_of(
        own, input_shape=input_shape, name=name, classes=classes, dataset=dataset
    )
    found = norm_said_by(own) if norm is None else check_norm(norm)
    if found is not None:
        found = for_channels(found, made.input_shape[0])
    return replace(made, notes=notes, norm=found)


def network_of(
    module: nn.Module,
    *,
    input_shape: Shapes,
    name: str,
    classes: tuple[str, ...],
    dataset: str | None,
) -> Network:
    """Return a Network that takes the module over without a copy.

    For callers that made the module themselves and keep no other hold on it.
    Parameters and errors as in ``from_module``.
    """
    refuse_unsuitable(module)
    _check_plain(module)
    fold_weights(module)
    if not is_float32(module):
        module = module.float()
    shapes = named_shapes(module, input_shape)
    layers, output = _run(module.eval(), name, shapes)
    if not layers:
        raise WorkbenchError(
            f"no Conv2d or Linear layer ran in '{name}'",
            "a network with at least one",
            "Give the module that holds the convolutions.",
        )
    results = results_of(output).tensors
    scores = next(iter(results.values()))
    if classes and (scores.ndim != 2 or scores.shape[1] != len(classes)):
        raise WorkbenchError(
            f"'{name}' returns {tuple(scores.shape)} for {len(classes)} class names",
            f"an output of shape (1, {len(classes)})",
            "Correct the class names or num_classes.",
        )
    channels, height, width = next(iter(shapes.values()))
    return Network(
        name,
        module,
        (channels, height, width),
        tuple(classes),
        tuple(layers.values()),
        dataset,
        inputs=shapes if len(shapes) > 1 else {},
        outputs=tuple(results),
    )


def _check_plain(module: nn.Module) -> None:
    masks = {name for name, _ in module.named_buffers()}
    for name, _ in module.named_parameters():
        if name.removesuffix("_orig") + "_mask" in masks:
            layer_id, _, parameter = name.removesuffix("_orig").rpartition(".")
            raise WorkbenchError(
                f"layer '{layer_id}' carries '{parameter}_orig' and a mask",
                "a plain weight",
                "Make the mask permanent: torch.nn.utils.prune.remove(layer, "
                f"'{parameter}'), or give the state_dict file as weights.",
            )


def _run(
    module: nn.Module, name: str, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Layer], Any]:
    # A network that knows its sizes may have large tensors behind a small image.
    behind = getattr(module, "graph_elements", 0)
    if sum(map(prod, shapes.values())) > _SMALL_IMAGE or behind > _FEW_ELEMENTS:
        try:
            # Shapes only, nothing is computed: instant for a network of any size.
            with torch.device("meta"):
                images = images_of(shapes)
            return _traced(module, images)
        except WorkbenchError:
            raise
        except Exception:  # noqa: BLE001  (the module's own code: anything)
            # A forward that looks at values cannot run on shapes: run it for real.
            return _traced_for_real(module, name, shapes)
    return _traced_for_real(module, name, shapes)


def _traced_for_real(
    module: nn.Module, name: str, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Layer], Any]:
    try:
        return _traced(module, images_of(shapes))
    except WorkbenchError:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0]
        if not reason or not isinstance(error, _SAYING):
            reason = f"{type(error).__name__}: {reason}".removesuffix(": ")
        cause, advice = cause_of_failure(module)
        raise WorkbenchError(
            f"'{name}' fails on an image of shape {_said(shapes)}: {cause or reason}",
            "a module that takes a batch (N, C, H, W) of that shape",
            advice or "Check input_shape, channels first.",
        ) from error


def _said(shapes: Mapping[str, tuple[int, ...]]) -> str:
    if len(shapes) == 1:
        return str(next(iter(shapes.values())))
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items())


def _traced(module: nn.Module, x: Given) -> tuple[dict[str, Layer], Any]:
    layers: dict[str, Layer] = {}
    args, kwargs = arguments(module, x)
    device = tensors_of(x)[0].device
    tensors = {
        name: tensor.to(device)
        for name, tensor in (*module.named_parameters(), *module.named_buffers())
    }
    with ExitStack() as hooks, torch.inference_mode():
        for layer_id, child in module.named_modules():
            if isinstance(child, nn.Conv2d | nn.Linear):
                note = partial(_note, layers, layer_id)
                handle = child.register_forward_hook(note)
                hooks.callback(handle.remove)
        output = functional_call(module, tensors, args, kwargs)
    return layers, output


def _note(
    layers: dict[str, Layer],
    layer_id: str,
    child: nn.Conv2d | nn.Linear,
    inputs: tuple[Tensor, ...],
    output: Tensor,
) -> None:
    before = layers.get(layer_id)
    if before is None:
        layers[layer_id] = _layer(layer_id, child, inputs[0], output)
    else:
        more = (*before.more_outputs, tuple(output.shape[1:]))
        layers[layer_id] = replace(before, more_outputs=more)


def _layer(
    layer_id: str, child: nn.Conv2d | nn.Linear, x: Tensor, output: Tensor
) -> Layer:
    weight_shape = tuple(child.weight.shape)
    bias = child.bias is not None
    if isinstance(child, nn.Linear):
        return Layer(
            id=layer_id,
            kind="linear",
            weight_shape=weight_shape,
            stride=(1, 1),
            padding=(0, 0),
            dilation=(1, 1),
            groups=1,
            bias=bias,
            input_shape=tuple(x.shape[1:]),
            output_shape=tuple(output.shape[1:]),
        )
    return Layer(
        id=layer_id,
        kind="conv",
        weight_shape=weight_shape,
        stride=_pair(child.stride),
        padding=_padding(layer_id, child),
        dilation=_pair(child.dilation),
        groups=child.groups,
        bias=bias,
        input_shape=tuple(x.shape[1:]),
        output_shape=tuple(output.shape[1:]),
    )


def _padding(layer_id: str, child: nn.Conv2d) -> tuple[int, int]:
    if child.padding_mode != "zeros":
        raise WorkbenchError(
            f"layer '{layer_id}' pads with mode '{child.padding_mode}'",
            "padding with zeros",
            "Use padding_mode='zeros', or an explicit padding layer before it.",
        )
    if child.padding == "valid":
        return 0, 0
    if child.padding == "same":
        # Torch pads d * (k - 1) in total; an odd total is uneven and has no number.
        total = [
            step * (size - 1)
            for step, size in zip(child.dilation, child.kernel_size, strict=True)
        ]
        if any(side % 2 for side in total):
            raise WorkbenchError(
                f"layer '{layer_id}' has padding 'same' and an even kernel",
                "the same padding on both sides",
                "Use an odd kernel size, or an explicit padding layer before it.",
            )
        return total[0] // 2, total[1] // 2
    return _pair(child.padding)


def _pair(value: Any) -> tuple[int, int]:
    return int(value[0]), int(value[1])
