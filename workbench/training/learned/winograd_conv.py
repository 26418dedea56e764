"""Layers whose weights live, are pruned and are trained in the Winograd domain.

Belongs here: the module, and converting a network to it. Does not belong here: the
operation and its transforms (``capture.from_torch.winograd_op``), or how pruning
picks weights (any method for elements takes these layers).
"""

from __future__ import annotations

import copy
from dataclasses import replace
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from workbench.capture.from_torch.winograd_op import to_winograd, winograd_conv2d
from workbench.errors import WorkbenchError
from workbench.models.network import Layer, Network
from workbench.pruning.recipe.assign import protected_layers


class WinogradConv2d(nn.Module):
    """A 3x3 convolution of stride 1 with its weights in the Winograd domain.

    Without ``relu`` it starts as the very convolution it was made from; trained or
    pruned weights need not be the transform of any 3x3 kernel any more. With ``relu``
    the ReLU acts on the transformed input tiles: **another function** than ReLU and
    convolution, which keeps the products sparse in both factors and must be trained.

    Parameters
    ----------
    conv : nn.Conv2d
        3x3, stride 1, one group, no dilation, zero padding the same on all sides.
    m : int
        Outputs of a tile along one axis, 2 or 4.
    relu : bool
        ReLU in the Winograd domain.

    Source
    ------
    Liu, Pool, Han and Dally, "Efficient Sparse-Winograd Convolutional Neural
    Networks", 2018, section 3; Li, Park and Tang, "Enabling Sparse Winograd
    Convolution by Native Pruning", 2017.
    """

    bias: nn.Parameter | None

    def __init__(self, conv: nn.Conv2d, *, m: int = 2, relu: bool = False) -> None:
        super().__init__()
        self.m, self.relu = m, relu
        self.padding = int(conv.padding[0])
        self.weight = nn.Parameter(to_winograd(conv.weight, m))
        bias = None if conv.bias is None else nn.Parameter(conv.bias.detach().clone())
        self.register_parameter("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output, (N, O, H + 2 padding - 2, W + 2 padding - 2)."""
        if torch.is_autocast_enabled("cpu"):
            # The transforms subtract near-equal numbers: bfloat16 would lose them.
            with torch.autocast("cpu", enabled=False):
                return self.forward(x.float())
        return winograd_conv2d(
            x.contiguous(),
            self.weight,
            self.bias,
            m=self.m,
            padding=self.padding,
            relu=self.relu,
        )

    def extra_repr(self) -> str:
        """Return sizes, for printing."""
        outputs, inputs = self.weight.shape[:2]
        return f"{inputs}, {outputs}, F({self.m}, 3), relu={self.relu}"


def in_winograd_domain(
    network: Network, *, m: int = 2, relu: bool = False, match: str = "*"
) -> Network:
    """Return the network with its 3x3 layers of stride 1 in the Winograd domain.

    The layer table has each of them with its weight (O, I, m + 2, m + 2) and its
    output counted in tiles, so that MACs are the products in the domain (transforms
    aside) and every method that removes single weights prunes there.

    Parameters
    ----------
    network : Network
        Not changed.
    m : int
        Outputs of a tile along one axis, 2 or 4.
    relu : bool
        Also move the ReLU before each layer into its domain, where the ReLU is a
        module of its own whose output only this layer reads. That changes the
        network's function: train it afterwards.
    match : str
        Layer ids to convert; the first convolution only if named.

    Raises
    ------
    WorkbenchError
        No layer suits, m is not 2 or 4, or ``relu`` finds no ReLU to move.
    """
    special = {} if match != "*" else protected_layers(network)
    chosen = {
        layer.id
        for layer in network.layers
        if fnmatchcase(layer.id, match) and layer.id not in special and _suits(layer)
    }
    if not chosen:
        raise WorkbenchError(
            f"no layer of '{network.name}' for '{match}'",
            "3x3 convolutions of stride 1 without groups",
            "Choose another network or other layers.",
        )
    module = copy.deepcopy(network.module)
    movable = _relus_before(network) if relu else {}
    moved = {layer: movable[layer] for layer in sorted(chosen & set(movable))}
    if relu and not moved:
        raise WorkbenchError(
            f"no ReLU of '{network.name}' that only one of these layers reads",
            "an nn.ReLU module of its own before the layer",
            "Leave relu out: the ReLU then stays outside the domain.",
        )
    for layer_id in chosen:
        conv = module.get_submodule(layer_id)
        if isinstance(conv, nn.Conv2d):
            _put(module, layer_id, WinogradConv2d(conv, m=m, relu=layer_id in moved))
    for name in moved.values():
        _put(module, name, nn.Identity())
    layers = tuple(
        _described(layer, m) if layer.id in chosen else layer
        for layer in network.layers
    )
    return replace(network, module=module.eval(), layers=layers)


def _suits(layer: Layer) -> bool:
    return (
        layer.kind == "conv"
        and layer.kernel_size == (3, 3)
        and layer.stride == layer.dilation == (1, 1)
        and layer.groups == 1
        and layer.padding[0] == layer.padding[1]
    )


def _described(layer: Layer, m: int) -> Layer:
    """Return the layer's row: its weight in the domain, its output in tiles."""
    outputs, inputs = layer.weight_shape[:2]
    _, height, width = layer.output_shape
    return replace(
        layer,
        weight_shape=(outputs, inputs, m + 2, m + 2),
        stride=(m, m),
        output_shape=(outputs, -(-height // m), -(-width // m)),
    )


def _put(module: nn.Module, name: str, part: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(module.get_submodule(parent) if parent else module, last, part)


def _relus_before(network: Network) -> dict[str, str]:
    """Return layer id to the nn.ReLU before it that nothing else reads."""
    module = copy.deepcopy(network.module).eval()
    made: list[tuple[Tensor, str]] = []
    readers: dict[str, list[str]] = {}
    for name, part in module.named_modules():
        if isinstance(part, nn.ReLU):
            part.inplace = False
            part.register_forward_hook(
                lambda _m, _i, output, name=name: made.append((output, name))
            )
        elif not list(part.children()):
            part.register_forward_pre_hook(
                lambda _m, inputs, name=name: _note(made, inputs, name, readers)
            )
    with torch.inference_mode():
        module(torch.zeros(1, *network.input_shape))
    layers = {layer.id for layer in network.layers}
    candidates = {by[0]: relu for relu, by in readers.items() if by[0] in layers}
    return {
        layer: relu
        for layer, relu in candidates.items()
        if _only_reader(network, layer, relu)
    }


@torch.inference_mode()
def _only_reader(network: Network, layer: str, relu: str) -> bool:
    """Return whether the ReLU may be moved to the layer's input: nothing changes.

    Sums and other functions that read the ReLU's output are no modules; hooks do not
    see them, but the network's answers do.
    """
    probe = copy.deepcopy(network.module).eval()
    _put(probe, layer, nn.Sequential(nn.ReLU(), probe.get_submodule(layer)))
    _put(probe, relu, nn.Identity())
    images = torch.randn(
        2, *network.input_shape, generator=torch.Generator().manual_seed(0)
    )
    return torch.equal(probe(images), network.module(images))


def _note(
    made: list[tuple[Tensor, str]],
    inputs: tuple[Tensor, ...],
    reader: str,
    readers: dict[str, list[str]],
) -> None:
    for tensor, relu in made:
        if inputs and tensor is inputs[0]:
            readers.setdefault(relu, []).append(reader)
