"""The same convolution timed in each memory layout.

Belongs here: torch's memory formats and the engine's layouts in turns. Does not
belong here: address maps (``layouts``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.utils import mkldnn

from workbench.analysis.algorithms.comparison import ConvShape
from workbench.analysis.algorithms.race import race
from workbench.analysis.algorithms.single_layer import single_layer


@dataclass(frozen=True)
class LayoutRow:
    """A layer in one layout.

    Parameters
    ----------
    engine : str
        torch, or the kernel of ours.
    layout : str
        NCHW, NHWC, NCHWc, or a layout of the engine.
    ms, p10_ms, p90_ms : float
        torch: the layer with data already in that layout. Ours: the whole program,
        copies from and to NCHW included.
    n : int
        Timed calls.
    """

    engine: str
    layout: str
    ms: float
    p10_ms: float
    p90_ms: float
    n: int


def measure_layouts(
    shape: ConvShape, *, seconds: float = 2.0, seed: int = 0
) -> tuple[LayoutRow, ...]:
    """Return what one layer takes in each layout, fastest first.

    Parameters
    ----------
    shape : ConvShape
    seconds : float
        For the timed rounds of all layouts together.
    seed : int
        Of weights and image.
    """
    random = np.random.default_rng(seed)
    x = random.standard_normal((1, shape.inputs, shape.side, shape.side))
    image = torch.from_numpy(x.astype(np.float32))
    conv = nn.Conv2d(
        shape.inputs,
        shape.outputs,
        shape.size,
        shape.stride,
        shape.size // 2,
        bias=False,
    ).eval()
    runs: dict[tuple[str, str], Callable[[], object]] = {}
    with torch.no_grad():
        weight = random.standard_normal(tuple(conv.weight.shape)) * 0.05
        conv.weight.copy_(torch.from_numpy(weight.astype(np.float32)))
        last = nn.Conv2d(
            shape.inputs,
            shape.outputs,
            shape.size,
            shape.stride,
            shape.size // 2,
            bias=False,
        ).eval()
        last.weight.copy_(conv.weight)
        last = last.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        runs["torch", "NCHW"] = _torch(conv, image)
        runs["torch", "NHWC"] = _torch(
            last, image.contiguous(memory_format=torch.channels_last)
        )
        if torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
            blocked = mkldnn.to_mkldnn(conv)  # type: ignore[no-untyped-call]
            runs["torch", "NCHWc"] = _torch(blocked, image.to_mkldnn())
    kernel = conv.weight.detach().numpy()
    side = (shape.side, shape.side)
    layers = single_layer(
        kernel, side, shape.window, candidates=("dense",), each_form=True
    )
    for layer in layers:
        runs[layer.candidate, layer.form] = partial(layer.program, image.numpy())
    names = {f"{engine}|{layout}": run for (engine, layout), run in runs.items()}
    rows = []
    for name, times in race(names, seconds=seconds).items():
        engine, _, layout = name.partition("|")
        rows.append(
            LayoutRow(engine, layout, times.ms, times.p10_ms, times.p90_ms, times.n)
        )
    return tuple(sorted(rows, key=lambda row: row.ms))


def _torch(layer: nn.Module, x: torch.Tensor) -> Callable[[], object]:
    def run() -> object:
        with torch.inference_mode():
            return layer(x)

    return run
