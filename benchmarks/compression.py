"""Deep Compression, stage by stage: LeNet-5 on MNIST-5k and VGG-16 on CIFAR-10.

    python -m benchmarks.compression                       # LeNet-5, minutes
    python -m benchmarks.compression --networks vgg16-cifar10 --images 10000

Prunes by magnitude, fine-tunes with frozen zeros, shares weights, trains the shared
values, codes them. Every size is the length of a whole file. Each stage is kept in
``--cache`` and read from there when the script runs again. The paper (Han 2016):
LeNet-5 on MNIST 39x at 8 % kept weights, without loss of accuracy.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import torch

import workbench as wb
from workbench.compression.compressed import CompressedNetwork
from workbench.compression.stages import layer_sizes, stages
from workbench.data.dataset import Dataset
from workbench.export.provenance import provenance
from workbench.pruning.masks import apply_masks
from workbench.pruning.pruned import PrunedNetwork
from workbench.training.loop.fit import FitHooks, fit
from workbench.training.loop.options import FitOptions
from workbench.training.palette import tune_palette


@dataclass(frozen=True)
class Plan:
    """What is done to a network: (pattern, sparsity) rules, bits, epochs."""

    rules: tuple[tuple[str, float], ...]
    bits: str
    prune_steps: tuple[float, ...]
    epochs: int
    peak_lr: float
    palette_epochs: int
    palette_lr: float
    augment: str


PLANS = {
    # Kept shares of the paper's table 2: 66 %, 12 %, 8 %, 19 %.
    "lenet5-mnist5k": Plan(
        (("conv1", 0.34), ("conv2", 0.88), ("fc1", 0.92), ("fc2", 0.81)),
        "8:conv,5:fc",
        (0.6, 0.85, 1.0),
        10,
        0.02,
        8,
        2e-4,
        "jitter",
    ),
    # As in the paper's VGG-16, early layers, which hold few weights, keep more.
    "vgg16-cifar10": Plan(
        (
            ("features.*", 0.92),
            ("features.0", 0.3),
            ("features.[37]", 0.6),
            ("features.1[047]", 0.75),
            ("features.20", 0.75),
            ("classifier", 0.5),
        ),
        "6:conv,5:fc",
        (0.8, 1.0),
        4,
        0.02,
        2,
        2e-5,
        "mirror-crop-flip",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default="lenet5-mnist5k")
    parser.add_argument("--data")
    parser.add_argument("--bits", help="for example 6:conv,4:fc; the plan's by default")
    parser.add_argument("--images", type=int, help="training images; all by default")
    parser.add_argument("--cache", type=Path, default=Path(".workbench/compression"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.cache.mkdir(parents=True, exist_ok=True)
    for name in options.networks.split(","):
        run(name, PLANS[name], options)


def run(name: str, plan: Plan, options: argparse.Namespace) -> None:
    start = time.perf_counter()
    net = wb.load_model(name)
    train, test = (
        wb.dataset_for(net, split=part, root=options.data) for part in ("train", "test")
    )
    train = train if options.images is None else train.take(options.images)
    print(f"\n{name}: {len(train)} training images, {len(test)} test images")
    pruned = pruned_and_tuned(net, plan, train, options.cache / f"{name}.pruned")
    bits = options.bits or plan.bits
    small = wb.compress(pruned, bits)
    chosen = FitOptions(
        epochs=plan.palette_epochs,
        batch_size=64,
        peak_lr=plan.palette_lr,
        augment=plan.augment,
        precision="bf16",
    )
    checkpoint = options.cache / f"{name}.{bits.replace(':', '-')}.palette"
    tuned = tune_palette(small, train, options=chosen, checkpoint=checkpoint)
    accuracy = {
        "dense": wb.evaluate(net, test).top1,
        "pruned": wb.evaluate(pruned, test).top1,
        "shared weights": wb.evaluate(small, test).top1,
        "Huffman coded": wb.evaluate(tuned, test).top1,
    }
    print(f"bits {bits}")
    print_stages(tuned, accuracy)
    print_layers(tuned)
    path = options.cache / f"{name}.wbz"
    report = wb.export(tuned, path)
    back = wb.load_wbz(path)
    print(f"\n{report.bytes:,} bytes on disk; read back, bit-exact: ", end="")
    print(back.digest == tuned.digest)
    rounds = len(plan.prune_steps) * plan.epochs
    minutes = (time.perf_counter() - start) / 60
    print(
        f"{rounds} epochs after pruning, {plan.palette_epochs} of the shared values; "
        f"{minutes:.1f} minutes, what was cached not counted"
    )


def pruned_and_tuned(
    net: wb.Network, plan: Plan, train: Dataset, cache: Path
) -> PrunedNetwork:
    """Return the pruned network, fine-tuned with frozen zeros in rising steps."""
    pruned = None
    for number, part in enumerate(plan.prune_steps):
        source = net if pruned is None else as_network(net, pruned)
        step = wb.prune(source, recipe(plan, part))
        masks = step.parameter_masks
        options = FitOptions(
            epochs=plan.epochs,
            batch_size=64,
            peak_lr=plan.peak_lr,
            augment=plan.augment,
            precision="bf16",
        )
        result = fit(
            step.module,
            train,
            options=options,
            checkpoint=cache.with_name(f"{cache.name}.{number}"),
            hooks=FitHooks(after_step=lambda module, m=masks: apply_masks(module, m)),
        )
        pruned = step.with_module(result.module)
    assert pruned is not None
    return pruned


def recipe(plan: Plan, part: float) -> wb.Recipe:
    rows = "".join(
        f'  - {{match: "{match}", method: magnitude, sparsity: {part * share:.4f}}}\n'
        for match, share in plan.rules
    )
    return wb.Recipe.loads(f"version: 1\nlayers:\n{rows}")


def as_network(net: wb.Network, pruned: PrunedNetwork) -> wb.Network:
    return wb.from_module(
        pruned.module,
        input_shape=net.input_shape,
        name=net.name,
        classes=net.classes,
        dataset=net.dataset,
    )


def print_stages(net: CompressedNetwork, accuracy: dict[str, float]) -> None:
    print(
        "\n| stage | bits a value | bits a place | bits a weight | bytes | ratio |",
        end="",
    )
    print(" top-1 |\n" + "|---" * 7 + "|")
    for row in stages(net, facts=provenance(net)):
        top1 = accuracy.get(row.name)
        shown = "=" if top1 is None else f"{100 * top1:.2f} %"
        print(
            f"| {row.name} | {row.weight_bits:.2f} | {row.gap_bits:.2f} | "
            f"{row.bits_per_weight:.3f} | {row.bytes:,} | {row.ratio:.1f} | {shown} |"
        )
    print(
        "\nshared weights: top-1 before the shared values are trained; Huffman coded: "
        "after, and the same for every coder"
    )


def print_layers(net: CompressedNetwork) -> None:
    print("\n| layer | weights | kept | bits | table B | codes B | places B | ratio |")
    print("|---" * 8 + "|")
    for row in layer_sizes(net):
        print(
            f"| {row.id} | {row.weights:,} | {100 * row.kept / row.weights:.1f} % | "
            f"{row.bits} | {row.table_bytes:,} | {row.code_bytes:,} | "
            f"{row.gap_bytes:,} | {row.ratio:.1f} |"
        )


if __name__ == "__main__":
    main()
