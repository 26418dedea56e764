"""Layers alone: how near the pruned kernels come to this core's multiply-add peak.

    python -m benchmarks.layers
    python -m benchmarks.layers --network mobilenetv1-224 --weights 0.9

Without a network: stacks of equal layers (different random masks), every layer timed in
place inside its stack. "cold": 64 MiB are read before each run, so that weights come
from memory; the time is then that of the whole call over the number of layers. With a
network: every layer of it in place. GF/s count 2 x non-zeros x output pixels.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

import workbench as wb
from benchmarks.peer_rows import load, recipe
from workbench.engine.program import Program
from workbench.measure.fma_peak import peak_gflops

EVICTED_BYTES = 64 << 20
ROUNDS = 60
SEED = 5


@dataclass(frozen=True)
class Case:
    """A stack of equal layers: channels, kernel, plane, depth, and its target."""

    channels: int
    kernel: int
    size: int
    depth: int
    sparsity: float
    target: float
    cold: bool = False

    @property
    def name(self) -> str:
        """What the table calls it."""
        k, c = self.kernel, self.channels
        text = f"{k}x{k} {c}->{c}@{self.size} {self.sparsity:.0%}"
        return f"{text} cold" if self.cold else text


CASES = (
    *(Case(c, 1, s, 3, 0.8, 0.85) for c, s in ((128, 56), (256, 28), (512, 14))),
    *(Case(c, 1, s, 3, 0.9, 0.78) for c, s in ((128, 56), (256, 28), (512, 14))),
    *(Case(c, 3, s, 3, 0.8, 0.78) for c, s in ((64, 56), (128, 28), (256, 14))),
    *(Case(c, 3, s, 3, 0.9, 0.63) for c, s in ((64, 56), (128, 28), (256, 14))),
    Case(1024, 1, 7, 4, 0.9, 0.5, cold=True),
    Case(512, 3, 7, 4, 0.9, 0.5, cold=True),
)


def main() -> None:
    """Print one row a layer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="")
    parser.add_argument("--weights", default="0.9")
    options = parser.parse_args()
    peak = peak_gflops()
    print(f"Peak of this core: {peak:.1f} GF/s\n")
    if options.network:
        print_network(options.network, options.weights, peak)
        return
    print("| layer | ms | GF/s on non-zeros | of peak | target | kernel |")
    print("|---|---|---|---|---|---|", flush=True)
    for case in CASES:
        print_case(case, peak)


def print_case(case: Case, peak: float) -> None:
    """Print the row of a stack: the median layer."""
    module = stack(case)
    shape = (case.channels, case.size, case.size)
    program = wb.compile(module, example=torch.zeros(1, *shape))
    x = np.random.default_rng(SEED).random((1, *shape), dtype=np.float32)
    macs = sum(step.theoretical_macs for step in program.steps) / case.depth
    if case.cold:
        ms = cold_ms(program, x) / case.depth
    else:
        profile = program.profile(x, rounds=ROUNDS)
        steps = zip(profile.steps, profile.ms, strict=True)
        ms = float(np.median([t for s, t in steps if s.op == "conv2d"]))
    kernel = next(s.kernel for s in program.steps if s.op == "conv2d")
    rate = 2e-6 * macs / ms
    print(
        f"| {case.name} | {ms:.3f} | {rate:.0f} | {rate / peak:.0%} "
        f"| {case.target:.0%} | {kernel} |",
        flush=True,
    )


def stack(case: Case) -> nn.Module:
    """Return the layers of a case, pruned at random."""
    torch.manual_seed(SEED)
    layers: list[nn.Module] = []
    for _ in range(case.depth):
        layer = nn.Conv2d(
            case.channels, case.channels, case.kernel, padding=case.kernel // 2
        )
        with torch.no_grad():
            layer.weight.mul_(torch.rand_like(layer.weight) >= case.sparsity)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers).eval()


def cold_ms(program: Program, x: np.ndarray) -> float:
    """Return the median time of a call whose weights are in no cache."""
    evict = np.ones(EVICTED_BYTES // 8)
    times = []
    for _ in range(ROUNDS):
        evict.sum()
        start = time.perf_counter()
        program(x)
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times))


def print_network(name: str, kind: str, peak: float) -> None:
    """Print the layers of a network on the weights of the protocol."""
    network = load(name)
    pruned = wb.prune(network, recipe(network, kind))
    program = wb.compile(pruned)
    shape = (1, *network.input_shape)
    x = np.random.default_rng(SEED).random(shape, dtype=np.float32)
    profile = program.profile(x, rounds=ROUNDS)
    print("| layer | kernel | ms alone | ms in place | GF/s | of peak |")
    print("|---|---|---|---|---|---|")
    for step, ms, rate in zip(profile.steps, profile.ms, profile.gflops(), strict=True):
        share = f"{rate:.0f} | {rate / peak:.0%}" if step.executed_macs else "- | -"
        print(f"| {step.layer} | {step.kernel} | {step.ms:.3f} | {ms:.3f} | {share} |")
    print(f"| all | | | {profile.total_ms:.3f} | | |")


if __name__ == "__main__":
    main()
