"""Layers pruned in n x 1 blocks: the block kernel, and what runs the same weights else.

    python -m benchmarks.blocks [--density 0.1] [--layers 1x1-256-28,3x3-128-28]

GF/s on the kept weights of one core (2 x kept weights x pixels / least time), the best
variant of each kernel, timed in turns after the L2 cache was flushed.
"""

import argparse
from collections.abc import Iterable

import numpy as np

from workbench.engine.candidates import TABLE, Candidate
from workbench.engine.graph.graph import Graph, Node
from workbench.engine.graph.weights import nonzero_macs
from workbench.engine.planning.slots import find_slots
from workbench.engine.tuning.race_kernels import Bench, place_operands, race
from workbench.kernels import info

KERNELS = ("blocks", "generated", "sparse", "dense")
LAYERS = "1x1-128-56,1x1-256-28,1x1-512-14,1x1-1024-7,3x3-64-56,3x3-128-28,3x3-256-14"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--density", type=float, default=0.1)
    parser.add_argument("--layers", default=LAYERS)
    options = parser.parse_args()
    print(f"{info().isa}, density {options.density:g}, GF/s on kept weights\n")
    print(f"| layer | block | {' | '.join(KERNELS)} |")
    print("|---" * (2 + len(KERNELS)) + "|", flush=True)
    for name in options.layers.split(","):
        size, channels, side = name.split("-")
        kernel = int(size[0])
        for height in (1, 2, 4, 8, 16):
            node, graph = layer(
                kernel, int(channels), int(side), height, options.density
            )
            macs = nonzero_macs(node)
            times = {c.name: best_ms(c, node, graph) for c in candidates()}
            cells = [
                f"{2 * macs / times[k] / 1e6:.0f}" if times[k] else "-" for k in KERNELS
            ]
            print(f"| {name} | {height} x 1 | {' | '.join(cells)} |", flush=True)


def candidates() -> Iterable[Candidate]:
    return (c for c in TABLE if c.name in KERNELS and "conv2d" in c.ops)


def layer(
    kernel: int, channels: int, side: int, height: int, density: float
) -> tuple[Node, Graph]:
    rng = np.random.default_rng(0)
    shape = (channels, channels, kernel, kernel)
    kept = rng.random((channels // height, *shape[1:])) < density
    weight = rng.standard_normal(shape, dtype=np.float32)
    weight *= np.repeat(kept, height, axis=0)
    size = (channels, side, side)
    params = {"weight": weight, "bias": np.zeros(channels, np.float32)}
    attrs = {"padding": (kernel // 2,) * 4, "act": ("relu", 0.0, 0.0)}
    node = Node("conv", "conv2d", ("input",), size, attrs, params)
    source = Node("input", "input", (), size, {"shape": size})
    return node, Graph("one", (source, node), "conv")


def best_ms(candidate: Candidate, node: Node, graph: Graph) -> float | None:
    if candidate.reject(node, [node.shape]) is not None:
        return None
    slots = find_slots(graph)
    times = []
    for form in candidate.forms(node, [node.shape]):
        layouts = [
            slots.layout(slots.parts[name].slot, form, node.shape[0])
            for name in ("input", "conv")
        ]
        binding = place_operands(layouts[:1], layouts[1])
        steps = {
            variant: candidate.build(node, binding, variant)
            for variant in candidate.variants(node, binding)
        }
        bench = Bench(1, cold=True)
        times += race(steps, binding.arena_floats, bench).values()
    return min(times)


if __name__ == "__main__":
    main()
