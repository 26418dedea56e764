"""The rows of the table against other engines: networks, weights, what to beat.

Belongs here: which networks with which weights, and the floors. Does not belong here:
measuring (peers.py) or the table (peer_table.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

import workbench as wb
from workbench.models.network import Layer, Network
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.recipe.rule import Rule

DENSE_RIVAL, ANY_RIVAL, OUR_DENSE = "best dense engine", "best of all", "our dense"
SPARSE_ENGINES = ("mnn_sparse", "deepsparse")
OURS, DATA_DRIVEN = "workbench", "data-driven"


@dataclass(frozen=True)
class Floor:
    """Return a ratio to reach: time of a rival over time of ours.

    Parameters
    ----------
    against : str
        Which rival.
    ratio : mapping of int to float
        By number of threads.
    ours : str
        Which of our programs.
    """

    against: str
    ratio: Mapping[int, float]
    ours: str = OURS


@dataclass(frozen=True)
class Row:
    """Return one row: a network with one kind of weights.

    Parameters
    ----------
    network : str
        Name of a sample; "-convs" leaves out its classifier.
    weights : str
        "dense", a sparsity such as "0.9", "pconv" or "hetconv".
    floors : tuple of Floor
    extra : tuple of str
        More of our programs in the race: `DATA_DRIVEN`, `OUR_DENSE`.
    """

    network: str
    weights: str
    floors: tuple[Floor, ...]
    extra: tuple[str, ...] = field(default=())

    @property
    def key(self) -> str:
        """How the row is selected and its result is called."""
        return f"{self.network}:{self.weights}"


def _all(one: float, two: float) -> Floor:
    return Floor(ANY_RIVAL, {1: one, 2: two})


_DENSE = (Floor(DENSE_RIVAL, {1: 0.9, 2: 0.9}),)
_CODELESS = Floor(ANY_RIVAL, {1: 1.3, 2: 1.2}, DATA_DRIVEN)
_MOBILE, _RESNET, _VGG = "mobilenetv1-224", "resnet50-224", "vgg16-224-convs"

ROWS: tuple[Row, ...] = (
    Row(_MOBILE, "dense", _DENSE),
    Row(_MOBILE, "0.8", (_all(1.6, 1.5),)),
    Row(
        _MOBILE,
        "0.9",
        (Floor(DENSE_RIVAL, {1: 4.5, 2: 4.0}), _all(1.6, 1.5), _CODELESS),
        (DATA_DRIVEN,),
    ),
    Row(_MOBILE, "0.95", (_all(1.6, 1.5),)),
    Row(_RESNET, "dense", _DENSE),
    Row(_RESNET, "0.8", (_all(1.6, 1.5),)),
    Row(_RESNET, "0.9", (_all(1.8, 1.7), _CODELESS), (DATA_DRIVEN,)),
    Row(_RESNET, "0.95", (_all(1.8, 1.7),)),
    Row(_VGG, "dense", _DENSE),
    Row(_VGG, "0.8", (_all(1.4, 1.3),)),
    Row(_VGG, "0.9", (_all(1.6, 1.5),)),
    Row(_VGG, "0.95", (_all(1.9, 1.8),)),
    Row(_VGG, "pconv", (_all(1.7, 1.6),)),
    Row("resnet20-cifar10", "dense", _DENSE),
    Row("resnet20-cifar10", "0.8", (_all(1.5, 1.2),)),
    Row("vgg16-cifar10", "dense", _DENSE),
    Row("vgg16-cifar10", "0.8", (_all(1.5, 1.2),)),
    Row("vgg16-cifar10", "0.9", (_all(1.5, 1.2),)),
    Row(
        "vgg16-cifar10",
        "hetconv",
        (Floor(OUR_DENSE, {1: 2.2, 2: 2.0}),),
        (OUR_DENSE,),
    ),
)


def load(name: str) -> Network:
    """Return a sample; `-convs` leaves out its classifier."""
    if not name.endswith("-convs"):
        return wb.load_model(name)
    whole = wb.load_model(name.removesuffix("-convs"))
    features = whole.module.get_submodule("features")
    assert isinstance(features, nn.Module)
    return wb.from_module(features, input_shape=whole.input_shape, name=name)


def weights_of(network: Network, kind: str) -> Network | PrunedNetwork:
    """Return the network with the weights of a row."""
    return network if kind == "dense" else wb.prune(network, recipe(network, kind))


def recipe(network: Network, kind: str) -> Recipe:
    """Return the recipe of the protocol for these weights."""
    convs = [layer for layer in network.layers if layer.kind == "conv"]
    prunable = [layer for layer in convs[1:] if not layer.depthwise]
    rules = []
    for layer in prunable:
        method, params = _method(layer, kind)
        rules.append(Rule.of(layer.id, method, **params))
    return Recipe(layers=tuple(rules))


def _method(layer: Layer, kind: str) -> tuple[str, dict[str, object]]:
    if kind == "hetconv":
        return "hetconv", {"p": 4}
    if kind != "pconv":
        return "magnitude", {"sparsity": float(kind)}
    if layer.kernel_size == (3, 3):
        return "pconv", {"patterns": 8, "connectivity": 0.75}
    return "kernel", {"sparsity": 0.75}


def find_rows(keys: str) -> list[Row]:
    """Return the rows that a comma-separated text selects.

    It holds keys such as "resnet50-224:0.9", or parts of them without a colon.
    """
    wanted = [key for key in keys.split(",") if key]
    return [
        row
        for row in ROWS
        if not wanted
        or row.key in wanted
        or any(":" not in key and key in row.key for key in wanted)
    ]


def default_folder() -> Path:
    """Return where results are kept unless told otherwise."""
    return Path("build", "benchmarks", "peers")
