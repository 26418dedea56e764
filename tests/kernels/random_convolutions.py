"""Random convolutions, and every kernel that may run them, against float64.

The property test runs some of these; this is the tool that tries as many as wanted:

    python -m tests.kernels.random_convolutions --count 1000 --seed 1 --isa avx2

Each case is one draw of `drawing`. Every candidate of the engine that accepts the layer
is built in every form that it reads, in every variant, each for one of the forms that
it writes, with the layouts that the engine would take; everything around the tensors is
NaN. The last line says how many kernels ran, family by family; a wrong one is printed
with its case, and exit is 1.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from tests.kernels.drawing import Shape, draw, keep
from tests.kernels.float64 import activate, convolve
from workbench.engine.candidates import TABLE, Binding, Candidate, Form
from workbench.engine.graph.graph import INPUT, Graph, Node
from workbench.engine.graph.passes import simplify
from workbench.engine.layout.layout import Layout, Pad
from workbench.engine.planning.costs import writable_forms
from workbench.engine.planning.slots import Slots, find_slots
from workbench.engine.tuning.race_kernels import place_operands
from workbench.kernels import Executor, Step, forced_isa, info
from workbench.kernels.values.types import ACTIVATIONS

WINOGRAD = {"winograd-f2": 2e-5, "winograd-f4": 2e-4, "winograd-f6": 2e-3}
EXACT = 2e-5
"""Largest error, over the largest sum of magnitudes: float32 in another order, and what
transforms lose."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A drawn layer as the engine sees it, with its image and the right result."""

    shape: Shape
    graph: Graph
    node: Node
    slots: Slots
    image: np.ndarray
    added: np.ndarray | None
    expected: np.ndarray
    scale: float


def make(rng: np.random.Generator, shape: Shape) -> Layer:
    """Return the drawn layer with random weights, image and residual."""
    size = (shape.outputs, shape.inputs // shape.groups, *shape.kernel)
    weight = rng.standard_normal(size, dtype=np.float32)
    if shape.palette:
        weight = rng.standard_normal(31, dtype=np.float32)[rng.integers(0, 31, size)]
    weight[~keep(rng, shape.structure, size)] = 0
    bias = rng.standard_normal(shape.outputs, dtype=np.float32)
    image = rng.standard_normal(
        (shape.inputs, shape.height, shape.width), dtype=np.float32
    )
    result = (shape.outputs, *shape.out)
    added = rng.standard_normal(result, dtype=np.float32) if shape.residual else None
    act = shape.act
    numbers = [getattr(act, name) for name in ACTIVATIONS[act.kind]] + [0.0, 0.0]
    fused = {} if act.kind == "none" else {"act": (act.kind, *numbers[:2])}
    layer = Node(
        id="conv",
        op="conv2d",
        inputs=(INPUT,),
        shape=result,
        attrs={
            "stride": shape.stride,
            "padding": shape.padding,
            "dilation": shape.dilation,
            "groups": shape.groups,
            **fused,
        },
        params={"weight": weight, "bias": bias},
    )
    source = Node(id=INPUT, op=INPUT, inputs=(), shape=image.shape)
    graph = Graph("one", (source, layer), "conv")
    simple = simplify(graph)
    if simple.node("conv").op in ("conv2d", "palette_conv2d"):
        graph = simple
    return Layer(
        shape,
        graph,
        graph.node("conv"),
        find_slots(graph),
        image,
        added,
        *_expected(shape, weight, bias, image, added),
    )


def _expected(
    shape: Shape,
    weight: np.ndarray,
    bias: np.ndarray,
    image: np.ndarray,
    added: np.ndarray | None,
) -> tuple[np.ndarray, float]:
    """Return the result in float64, and the largest sum of magnitudes."""
    top, left, bottom, right = shape.padding
    padded = np.pad(image.astype(np.float64), ((0, 0), (top, bottom), (left, right)))
    out = convolve(padded, weight, bias, shape.stride, shape.dilation, shape.groups)
    sums = np.abs(weight).reshape(len(weight), -1).sum(axis=1).max()
    if added is not None:
        out += added
    scale = float(sums * max(1.0, np.abs(image).max()) + 4)
    return activate(out, shape.act), scale


@dataclass(frozen=True, eq=False)
class Kernel:
    """One way to run a layer."""

    family: str
    name: str
    steps: Sequence[Step]


def kernels(
    layer: Layer, rng: np.random.Generator
) -> Iterator[tuple[Binding, list[Kernel]]]:
    """Build every kernel that may run the layer, and where its tensors are."""
    node, shapes = layer.node, [layer.image.shape]
    for candidate in TABLE:
        if node.op in candidate.ops and candidate.reject(node, shapes) is None:
            for form in candidate.forms(node, shapes):
                yield _variants(layer, candidate, form, rng)


def _variants(
    layer: Layer, candidate: Candidate, form: Form, rng: np.random.Generator
) -> tuple[Binding, list[Kernel]]:
    targets = writable_forms(candidate, layer.node, form)
    target = targets[rng.integers(len(targets))]
    node, binding = operands(layer, form, target)
    prepared = candidate.prepare(node, binding)
    made = []
    for variant in prepared.variants():
        words = (candidate.name, variant, f"on {form} to {target}")
        steps = prepared.build(variant)
        made.append(Kernel(candidate.name, " ".join(filter(None, words)), steps))
    return binding, made


def operands(layer: Layer, form: Form, target: Form) -> tuple[Node, Binding]:
    """Return the node, and where its image, residual and result are stored."""
    wider = Pad(*layer.shape.apart)
    source = _wider(layer.slots, INPUT, form, wider)
    written = _wider(layer.slots, "conv", target, wider)
    if layer.added is None:
        return layer.node, place_operands([source], written)
    node = layer.node.but(inputs=(*layer.node.inputs, "residual"))
    return node, place_operands([source, written], written)


def _wider(slots: Slots, name: str, form: Form, wider: Pad) -> Layout:
    """Return the layout of a slot as if another reader needed more zeros."""
    pads = dict(slots.pads)
    needed = pads[name].get(form.split, Pad())
    more = Pad(needed.rows + wider.rows, needed.columns + wider.columns)
    pads[name] = {**pads[name], form.split: more}
    return replace(slots, pads=pads).layout(name, form)


def run(layer: Layer, binding: Binding, made: Sequence[Kernel]) -> list[str]:
    """Run kernels of the same operands; return what is wrong with their results."""
    steps = [step for kernel in made for step in kernel.steps]
    found = []
    with Executor(steps, arena_floats=binding.arena_floats) as executor:
        arena = executor.arena
        clean = stored(layer, binding)
        arena[:] = clean
        places = binding.output.geometry.addresses()
        first = 0
        for kernel in made:
            for index in range(first, first + len(kernel.steps)):
                executor.run_step(index)
            first += len(kernel.steps)
            fault = _fault(layer, kernel, arena[places], binding.output.layout)
            arena[places] = clean[places]
            changed = arena.view(np.int32) != clean.view(np.int32)
            if changed.any():
                fault = f"{changed.sum()} floats outside of the result changed"
                arena[:] = clean
            if fault:
                found.append(f"{kernel.name}: {fault}")
    return found


def _fault(
    layer: Layer, kernel: Kernel, result: np.ndarray, layout: Layout
) -> str | None:
    error = np.abs(load(result, layout, layer.expected.shape) - layer.expected)
    tolerance = WINOGRAD.get(kernel.family, EXACT) * layer.scale
    if error.max() <= tolerance:
        return None
    wrong = int((~(error <= tolerance)).sum())
    return f"off by {error.max():.3g} ({wrong} of {error.size} elements)"


def stored(layer: Layer, binding: Binding) -> np.ndarray:
    """Return an arena with the inputs, zeros where readers count on them, else NaN."""
    arena = np.full(binding.arena_floats, np.nan, np.float32)
    values = (layer.image, layer.added)
    for operand, image in zip(binding.inputs, values, strict=False):
        layout = operand.layout
        if layout.padded:
            end = operand.base + layout.size
            arena[operand.base - layout.gap : end + layout.gap] = 0
        _store(arena, operand.geometry.addresses(), layout, image)
    return arena


def _store(
    arena: np.ndarray, places: np.ndarray, layout: Layout, values: np.ndarray
) -> None:
    split = layout.split
    if split == 1:
        arena[places] = values
        return
    channels = len(values)
    if layout.padded:
        arena[places] = 0
    for phase in range(split * split):
        part = values[:, phase // split :: split, phase % split :: split]
        _, rows, columns = part.shape
        arena[places[phase * channels : (phase + 1) * channels, :rows, :columns]] = part


def load(stored: np.ndarray, layout: Layout, shape: tuple[int, ...]) -> np.ndarray:
    split = layout.split
    if split == 1:
        return stored.reshape(shape).astype(np.float64)
    result = np.empty(shape)
    for phase in range(split * split):
        part = result[:, phase // split :: split, phase % split :: split]
        channels, rows, columns = part.shape
        part[:] = stored[phase * channels : (phase + 1) * channels, :rows, :columns]
    return result


def try_all(layer: Layer, rng: np.random.Generator, ran: Counter[str]) -> list[str]:
    """Run every kernel of a layer, count them in ``ran``, list the wrong ones."""
    wrong = []
    for binding, made in kernels(layer, rng):
        ran.update(kernel.family for kernel in made)
        wrong += run(layer, binding, made)
    return wrong


def check(seed: int, number: int) -> tuple[Counter[str], list[str]]:
    """Try every kernel of one random convolution; count them, list the wrong ones."""
    rng = np.random.default_rng((seed, number))
    shape = draw(rng)
    ran: Counter[str] = Counter()
    try:
        wrong = try_all(make(rng, shape), rng, ran)
    except Exception as error:  # noqa: BLE001 - told with its case, and the next one tried
        wrong = [f"{type(error).__name__}: {error}"]
    return ran, wrong


def describe(shape: Shape) -> str:
    """Return a shape in one line."""
    return " ".join(f"{name}={value}" for name, value in asdict(shape).items())


def main() -> int:
    """Try random convolutions and print counts."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--isa", default=info().isa, choices=info().available)
    parser.add_argument("--keep", type=Path, help="write counts here every 200 cases")
    asked = parser.parse_args()
    ran: Counter[str] = Counter()
    failed, start = 0, time.monotonic()
    with forced_isa(asked.isa) if asked.isa else nullcontext():
        for done, number in enumerate(range(asked.first, asked.first + asked.count), 1):
            counts, wrong = check(asked.seed, number)
            ran += counts
            failed += bool(wrong)
            if wrong:
                shape = draw(np.random.default_rng((asked.seed, number)))
                lines = "\n  ".join((describe(shape), *wrong))
                sys.stdout.write(f"{asked.seed}:{number} {lines}\n")
            if done % 200 and done != asked.count:
                continue
            summary = {
                "isa": asked.isa,
                "seed": asked.seed,
                "convolutions": done,
                "wrong": failed,
                "kernels": sum(ran.values()),
                "seconds": round(time.monotonic() - start),
                "families": dict(sorted(ran.items())),
            }
            if asked.keep:
                asked.keep.write_text(json.dumps(summary) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(summary) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
