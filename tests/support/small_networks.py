"""A small network, dense and pruned, for tests of what is done with networks."""

import tempfile
from functools import cache
from pathlib import Path

import torch
from torch import nn

from workbench.export.export import export
from workbench.export.table import find_format
from workbench.models.inspect import from_module
from workbench.models.network import Network
from workbench.pruning.prune import prune
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.recipe import Recipe

INPUT_SHAPE = (3, 8, 8)


@cache
def small_network(seed: int = 0) -> Network:
    torch.manual_seed(seed)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 10),
    )
    with torch.no_grad():
        module[1].running_mean.uniform_(-1, 1)
        module[1].running_var.uniform_(0.5, 2)
    return from_module(module, input_shape=INPUT_SHAPE, name="small")


@cache
def small_pruned(sparsity: float = 0.75) -> PrunedNetwork:
    return prune(small_network(), Recipe.uniform("magnitude", sparsity))


@cache
def exported(format_name: str) -> bytes:
    """Return the small pruned network as a file of that format."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"net{suffix_of(format_name)}"
        export(small_pruned(), path)
        return path.read_bytes()


def suffix_of(format_name: str) -> str:
    return find_format(format_name).suffixes[0]
