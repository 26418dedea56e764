"""HetConv VGG-16 on CIFAR-10's shape for P = 1 .. 64, and its rivals, measured.

    python -m benchmarks.hetconv                 # seeded weights: MACs and ms
    python -m benchmarks.hetconv --width 0.5

Theory is the paper's equation; executed MACs are what the engine's chosen kernels
multiply (Winograd multiplies less than theory, blocks may pad); ms are interleaved
medians of whole networks. Accuracy is not part of this table: weights are random.
The paper: Singh 2019, table 1.
"""

import argparse

import torch
from torch import nn

import workbench as wb
from sample_models.vgg16_cifar import Vgg16Cifar
from workbench.analysis.algorithms.race import race
from workbench.compression.hetconv import hetconv_share, to_hetconv
from workbench.compression.plain import plain
from workbench.compression.separable import to_separable

PAPER = {1: 313.74, 2: 175.23, 4: 105.98, 8: 71.35, 16: 54.04, 32: 45.38, 64: 41.05}
SHAPE = (3, 32, 32)
GROUPS = 4
M = 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    dense = Vgg16Cifar(width=options.width).eval()
    networks: dict[str, tuple[nn.Module, float | None]] = {
        f"HetConv P = {p}": (plain(to_hetconv(dense, p)), theory(dense, p))
        for p in PAPER
    }
    networks["depthwise + pointwise"] = (to_separable(dense).eval(), None)
    networks[f"groups of {GROUPS} + pointwise"] = (
        to_separable(dense, GROUPS).eval(),
        None,
    )
    image = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(1))
    programs, facts = {}, {}
    for name, (module, expected) in networks.items():
        net = wb.from_module(module, input_shape=SHAPE, name=name)
        program = wb.compile(net)
        programs[name] = program
        facts[name] = (
            expected,
            wb.layer_costs(net).macs,
            sum(step.executed_macs for step in program.steps),
            net,
        )
    x = image.numpy()
    runs = {name: (lambda p=program: p(x)) for name, program in programs.items()}
    times = race(runs, seconds=options.seconds)
    print("| network | paper M | theory M | counted M | executed M | ms (p10-p90) |")
    print("|---" * 6 + "|")
    for name, (expected, counted, executed, _) in facts.items():
        p = int(name.rpartition("=")[2]) if "P =" in name else None
        paper = f"{PAPER[p]:.2f}" if p and options.width == 1 else "-"
        shown = "-" if expected is None else f"{expected / M:.2f}"
        t = times[name]
        print(
            f"| {name} | {paper} | {shown} | {counted / M:.2f} | {executed / M:.2f} | "
            f"{t.ms:.3f} ({t.p10_ms:.3f}-{t.p90_ms:.3f}), n {t.n} |"
        )
    print("\nkernels chosen at P = 8:")
    for step in programs["HetConv P = 8"].steps:
        if step.executed_macs:
            print(
                f"  {step.layer}: {step.candidate}, theory {step.theoretical_macs:,}, "
                f"executed {step.executed_macs:,}"
            )
    print("The paper does not say what its figures count besides multiply-adds.")


def theory(dense: nn.Module, p: int) -> float:
    """Return the MACs by the paper's equation: the first layer stays dense."""
    net = wb.from_module(dense, input_shape=SHAPE)
    first, *rest = net.layers
    return first.macs + sum(
        layer.macs * (hetconv_share(p) if layer.kind == "conv" else 1) for layer in rest
    )


if __name__ == "__main__":
    main()
