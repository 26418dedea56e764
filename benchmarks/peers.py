"""The table against every other engine: the same pruned weights, interleaved.

    python -m benchmarks.peers --all
    python -m benchmarks.peers --networks mobilenetv1-224 --weights 0.9 --threads 1

Unstructured: every convolution but the first and the depthwise ones, by magnitude per
layer. PCONV: each 3x3 kernel keeps 4 of 9 weights in one of 8 patterns, and three
quarters of all kernels (1x1 too) are removed by norm. Engines that are not installed
are named. "best dense" is the fastest rival on the dense weights, "best of all" the
fastest rival on the pruned ones (dense or sparse); ratio = rival time / our time.
"""

import argparse
from collections.abc import Sequence

from torch import nn

import workbench as wb
from workbench.measure.measurement import Measurement
from workbench.measure.peers.table import PEERS
from workbench.models.network import Layer, Network
from workbench.pruning.recipe import Recipe
from workbench.pruning.rule import Rule

NETWORKS = (
    "mobilenetv1-224",
    "resnet50-224",
    "vgg16-224-convs",
    "resnet20-cifar10",
    "vgg16-cifar10",
)
WEIGHTS = ("0.8", "0.9", "0.95", "pconv")
OURS = "workbench"


def main() -> None:
    """Print one row a network, weights and thread count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="every row, 1 and 2 threads")
    parser.add_argument("--networks", default="mobilenetv1-224")
    parser.add_argument("--weights", default="0.9")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--seconds", type=float, default=12.0)
    options = parser.parse_args()
    if options.all:
        networks, kinds, threads = NETWORKS, WEIGHTS, ("1", "2")
    else:
        networks, kinds, threads = (
            tuple(text.split(","))
            for text in (options.networks, options.weights, options.threads)
        )
    names = [peer.name for peer in PEERS if peer.name != OURS]
    print_header(names)
    for name in networks:
        network = load(name)
        for kind in kinds:
            pruned = wb.prune(network, recipe(network, kind))
            for count in threads:
                measured = wb.bench(
                    network,
                    pruned,
                    threads=int(count),
                    against=names,
                    budget_s=options.seconds,
                )
                print_rows(f"{name} {kind}", measured, names)


def load(name: str) -> Network:
    """Return a sample; `-convs` leaves out its classifier."""
    if not name.endswith("-convs"):
        return wb.load_model(name)
    whole = wb.load_model(name.removesuffix("-convs"))
    features = whole.module.get_submodule("features")
    assert isinstance(features, nn.Module)
    return wb.from_module(features, input_shape=whole.input_shape, name=name)


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
    if kind != "pconv":
        return "magnitude", {"sparsity": float(kind)}
    if layer.kernel_size == (3, 3):
        return "pconv", {"patterns": 8, "connectivity": 0.75}
    return "kernel", {"sparsity": 0.75}


def print_header(names: Sequence[str]) -> None:
    """Print the table's head."""
    columns = [
        "network, weights",
        "threads",
        *names,
        "our dense",
        "our pruned",
        "best dense / our dense",
        "best of all / our pruned",
        "pruned p10-p90, n",
    ]
    print("| " + " | ".join(columns) + " |")
    print("|---" * len(columns) + "|", flush=True)


def print_rows(title: str, measured: Measurement, names: Sequence[str]) -> None:
    """Print one row: each rival as `dense / pruned` median ms."""
    cells = [title, str(measured.conditions.threads)]
    rivals: dict[str, list[float]] = {"dense": [], "pruned": []}
    for name in names:
        pair = []
        for weights in ("dense", "pruned"):
            value = median(measured, f"{name} {weights}")
            pair.append("-" if value is None else f"{value:.3g}")
            if value is not None:
                rivals[weights].append(value)
        cells.append(" / ".join(pair))
    ours = {w: median(measured, f"{OURS} {w}") for w in ("dense", "pruned")}
    cells += ["-" if v is None else f"{v:.3g}" for v in ours.values()]
    for weights, value in ours.items():
        best = min(rivals["dense"] + (rivals["pruned"] if weights == "pruned" else []))
        cells.append("-" if value is None else f"{best / value:.2f}")
    spread = measured.row(f"{OURS} pruned").spread
    cells.append(
        "-"
        if spread is None
        else f"{spread.p10_ms:.3g}-{spread.p90_ms:.3g}, {spread.n}"
    )
    print("| " + " | ".join(cells) + " |", flush=True)
    for name, reason in measured.absent:
        print(f"<!-- {name} did not take part: {reason} -->")
    for row in measured.rows:
        if row.refused:
            print(f"<!-- {row.name} refused: {row.refused} -->", flush=True)


def median(measured: Measurement, name: str) -> float | None:
    """Return a row's median in ms, or None where it has none."""
    found = next((row for row in measured.rows if row.name == name), None)
    return None if found is None else found.median_ms


if __name__ == "__main__":
    main()
