"""Unit costs of a sweep and of fine-tuning, and what a cluster makes of them.

    python -m benchmarks.cluster [--network resnet50-224] [--images 5000]
        [--methods magnitude,filter,pattern] [--train-images 1281167 --epochs 10]

Measured here, on one core: a forward pass and a training step a image, the engine's
compilation of one cell, and the bytes that are shipped and kept. Counted: cells and the
share of the network behind each pruned layer. The hours on N cores follow from both;
docs/measured/cluster.md shows the result and says what it leaves out.
"""

import argparse
import pickle
from collections.abc import Callable
from time import perf_counter

import torch
from torch import nn

import workbench as wb
from workbench.analysis.sensitivity.grid import SPARSITIES, grid
from workbench.analysis.sensitivity.sweeper import suffix_share
from workbench.measure.conditions import read_conditions
from workbench.models.network import Network

CORES = (1, 8, 32, 128)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", default="resnet50-224")
    parser.add_argument("--images", type=int, default=5000, help="validation images")
    parser.add_argument("--methods", default="magnitude,filter,pattern")
    parser.add_argument("--train-images", type=int, default=1_281_167)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=16, help="of both measurements")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = wb.load_model(options.network)
    noise = torch.randn(
        options.batch, *network.input_shape, generator=torch.Generator().manual_seed(0)
    )
    forward_s = seconds(lambda: forward(network.module, noise)) / options.batch
    step_s = seconds(lambda: step(network.module, noise)) / options.batch
    compile_s = seconds(lambda: wb.compile(network), times=1)
    curves = grid(network, options.methods.split(","), SPARSITIES)
    cells = len(curves) * len(SPARSITIES)
    share = sum(suffix_share(network, one.subject) for one in curves) / len(curves)
    print(f"{read_conditions(1).line}; torch {torch.__version__}; one core\n")
    print(f"## {network.name}: unit costs\n\n| what | value |\n|---|---|")
    weights = len(pickle.dumps(network))
    channels, height, width = network.input_shape
    image = channels * height * width
    gradients = 4 * sum(p.numel() for p in network.module.parameters())
    for name, value in {
        "forward pass, ms an image": f"{1000 * forward_s:.1f}",
        "training step, ms an image": f"{1000 * step_s:.1f}",
        "compiling and timing a program, s": f"{compile_s:.1f}",
        "network shipped to a node, MB": f"{weights / 1e6:.1f}",
        f"{options.images:,} images shipped, MB": f"{options.images * image / 1e6:.0f}",
        "kept before a pruned layer, MB an image": f"{kept(network, noise):.2f}",
        "gradients a step and process, MB": f"{gradients / 1e6:.1f}",
        "layers x methods (curves)": str(len(curves)),
        "cells": str(cells),
        "share of the MACs behind a pruned layer, mean": f"{share:.3f}",
    }.items():
        print(f"| {name} | {value} |")
    cell_s = options.images * forward_s * share
    print(f"\n## Sweep: {cells} cells of {options.images:,} images\n")
    print(f"A cell: {cell_s:.0f} s of one core, {compile_s:.0f} s more if timed.\n")
    print("| cores | hours without times | hours with times |\n|---|---|---|")
    for cores in CORES:
        fixed = options.images * forward_s
        plain = (fixed + cells * cell_s / cores) / 3600
        timed = plain + cells * compile_s / cores / 3600
        print(f"| {cores} | {plain:.1f} | {timed:.1f} |")
    print(f"\n## Fine-tuning: {options.epochs} epochs of {options.train_images:,}\n")
    print("| cores, a process each | hours |\n|---|---|")
    for cores in (*CORES, 512):
        hours = options.epochs * options.train_images * step_s / cores / 3600
        print(f"| {cores} | {hours:.1f} |")


def forward(module: nn.Module, images: torch.Tensor) -> None:
    with torch.inference_mode():
        module(images)


def step(module: nn.Module, images: torch.Tensor) -> None:
    """Forward and backward; gradients are thrown away."""
    with torch.enable_grad():
        module(images).logsumexp(1).sum().backward()
    module.zero_grad()


def seconds(call: Callable[[], object], *, times: int = 3) -> float:
    """Return the shortest of some calls, after one that does not count."""
    if times > 1:
        call()
    found = []
    for _ in range(times):
        start = perf_counter()
        call()
        found.append(perf_counter() - start)
    return min(found)


def kept(network: Network, images: torch.Tensor) -> float:
    """Return the largest input of a layer, MB an image."""
    sizes: list[int] = []
    hooks = [
        network.module.get_submodule(layer.id).register_forward_pre_hook(
            lambda _module, given: sizes.append(given[0][0].nbytes)
        )
        for layer in network.layers
    ]
    forward(network.module, images[:1])
    for hook in hooks:
        hook.remove()
    return max(sizes) / 1e6


if __name__ == "__main__":
    main()
