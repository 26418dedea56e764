"""Activations: what each costs behind a layer, and networks that live by them.

    python -m benchmarks.activations
    python -m benchmarks.activations --networks efficientnet_b0 mobilenetv3_large_100

Layers: one depthwise and one dense 3x3 convolution with each activation behind it, here
and in ONNX Runtime. All programs are timed in turn, round after round, on one thread;
the median and the middle half of the rounds are shown. Networks are those of timm
(`pip install timm`) with random weights and images of 224 pixels.
"""

import argparse
import io
import os
import time
from collections.abc import Callable, Iterator
from importlib import import_module

import numpy as np
import onnxruntime
import torch
from torch import nn

import workbench as wb
from workbench.measure.conditions import cpu_model

ROUNDS = 40
LEAST_S = 0.02
"""Of one turn: a shorter program runs several times."""

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "ReLU": nn.ReLU,
    "hardswish": nn.Hardswish,
    "SiLU": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "GELU": nn.GELU,
    "GELU by tanh": lambda: nn.GELU("tanh"),
    "Mish": nn.Mish,
    "tanh": nn.Tanh,
    "leaky ReLU": lambda: nn.LeakyReLU(0.1),
    "ELU": nn.ELU,
    "softplus": nn.Softplus,
}
LAYERS = {
    "depthwise 3x3 of 144 at 56": lambda: nn.Conv2d(144, 144, 3, padding=1, groups=144),
    "dense 3x3 of 64 at 56": lambda: nn.Conv2d(64, 64, 3, padding=1),
}
SIZE = 56


def main() -> None:
    """Print one row a layer and activation, or one a network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="*", default=[])
    parser.add_argument("--only", nargs="*", default=list(ACTIVATIONS))
    options = parser.parse_args()
    print(f"{cpu_model()}, load {os.getloadavg()[0]:.1f}\n")
    print("| what | ms here (middle half) | ms ONNX Runtime (middle half) | ratio |")
    print("|---|---|---|---|", flush=True)
    for name, module, x in cases(options.networks, options.only):
        print_row(name, module, x)


def cases(
    networks: list[str], only: list[str]
) -> Iterator[tuple[str, nn.Module, torch.Tensor]]:
    """Yield what is timed."""
    torch.manual_seed(0)
    for name in networks:
        module = import_module("timm").create_model(name).eval()
        yield name, module, torch.randn(1, 3, 224, 224)
    for title, layer in LAYERS.items() if not networks else ():
        for name in only:
            module = nn.Sequential(layer(), ACTIVATIONS[name]()).eval()
            channels = module[0].in_channels
            yield f"{title}, {name}", module, torch.randn(1, channels, SIZE, SIZE)


def print_row(name: str, module: nn.Module, x: torch.Tensor) -> None:
    """Time both in turn and print their medians."""
    program = wb.compile(module, example=x, threads=1)
    session = runtime(module, x)
    image = x.numpy()
    runs = (lambda: program(image), lambda: session.run(None, {"x": image}))
    ours, theirs = np.transpose([[turn(run) for run in runs] for _ in range(ROUNDS)])
    ratio = np.median(theirs) / np.median(ours)
    print(f"| {name} | {shown(ours)} | {shown(theirs)} | {ratio:.2f} |", flush=True)


def turn(run: Callable[[], object]) -> float:
    """Return the milliseconds of one run, the mean over a turn."""
    count, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < LEAST_S:
        run()
        count += 1
    return spent / count * 1e3


def shown(ms: np.ndarray) -> str:
    """Return the median and the middle half of some times."""
    low, middle, high = np.percentile(ms, (25, 50, 75))
    return f"{middle:.3f} ({low:.3f}..{high:.3f})"


def runtime(module: nn.Module, x: torch.Tensor) -> onnxruntime.InferenceSession:
    """Return ONNX Runtime's session of a module on one thread."""
    file = io.BytesIO()
    torch.onnx.export(
        module, (x,), file, input_names=["x"], opset_version=20, dynamo=False
    )
    how = onnxruntime.SessionOptions()
    how.intra_op_num_threads = how.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        file.getvalue(), how, providers=["CPUExecutionProvider"]
    )


if __name__ == "__main__":
    main()
