"""Every sample model, dense and pruned, against other engines.

    python -m benchmarks.samples [--threads 1] [--against torch,onnxruntime]

Every row is one interleaved run on the same weights with outputs checked first. The
recipe prunes every layer but the first convolution and the classifier.
"""

import argparse

import workbench as wb
from workbench.measure.measurement import Measurement

NETWORKS = (
    "lenet5-mnist5k",
    "minivgg-mnist5k",
    "resnet20-cifar10",
    "vgg16-cifar10",
    "mobilenetv1-224",
    "resnet50-224",
    "vgg16-224",
)
RECIPES = (
    ("magnitude", 0.8),
    ("magnitude", 0.9),
    ("pconv", 0.889),
)
DENSE, PRUNED = "workbench dense", "workbench pruned"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--against", default="torch,onnxruntime")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--methods", default=",".join(m for m, _ in RECIPES))
    options = parser.parse_args()
    against = tuple(options.against.split(","))
    methods = options.methods.split(",")
    header_done = False
    for name in options.networks.split(","):
        network = wb.load_model(name)
        for method, sparsity in RECIPES:
            if method not in methods:
                continue
            pruned = wb.prune(network, wb.Recipe.uniform(method, sparsity))
            measured = wb.bench(
                network,
                pruned,
                threads=options.threads,
                against=against,
                budget_s=options.seconds,
            )
            if not header_done:
                print_header(measured, against)
                header_done = True
            print_row(name, f"{method} {sparsity:g}", measured, against)


def print_header(measured: Measurement, against: tuple[str, ...]) -> None:
    conditions = measured.conditions.to_dict()
    versions = ", ".join(f"{k} {v}" for k, v in conditions["versions"].items())
    print(f"{conditions['cpu']}, {conditions['threads']} thread(s); {versions}\n")
    peers = " | ".join(f"{name} dense | {name} pruned" for name in against)
    print(f"| network | recipe | {peers} | our dense | our pruned | pruned gain | n |")
    print("|---" * (6 + 2 * len(against)) + "|", flush=True)


def print_row(
    name: str, recipe: str, measured: Measurement, against: tuple[str, ...]
) -> None:
    cells = [name, recipe]
    for peer in against:
        cells += [
            cell(measured, f"{peer} {weights}") for weights in ("dense", "pruned")
        ]
    cells += [cell(measured, DENSE), cell(measured, PRUNED)]
    gain = measured.compare(PRUNED, DENSE)
    cells.append(
        "-" if gain is None else f"{gain.ratio.value:.2f} ({gain.ratio.verdict})"
    )
    spread = measured.row(PRUNED).spread
    cells.append("-" if spread is None else str(spread.n))
    print("| " + " | ".join(cells) + " |", flush=True)


def cell(measured: Measurement, row: str) -> str:
    """Return `median (p10-p90)` in ms, or that the engine was refused."""
    found = next((one for one in measured.rows if one.name == row), None)
    if found is None or found.spread is None:
        return "refused" if found is not None else "absent"
    spread = found.spread
    return f"{spread.median_ms:.3g} ({spread.p10_ms:.3g}-{spread.p90_ms:.3g})"


if __name__ == "__main__":
    main()
