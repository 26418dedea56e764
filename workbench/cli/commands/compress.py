"""`workbench compress`: shared weights and entropy coding, with the paper's table."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

import workbench as wb
from workbench.cli.options import (
    AsJson,
    Data,
    InputShape,
    Model,
    RecipeFile,
    Weights,
    load_data,
    load_network,
    load_pruned,
)
from workbench.cli.output import percent, print_json, print_line, print_table
from workbench.cli.workspace import record


def run(
    model: Model,
    output: Annotated[Path, typer.Option("--output", "-o", help="File, NAME.wbz.")],
    recipe: RecipeFile = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    bits: Annotated[
        str, typer.Option(help="Bits a weight: 5, or 8:conv,5:fc; the last match wins.")
    ] = "8:conv,5:fc",
    start: Annotated[
        str, typer.Option(help="Where k-means starts: linear, density or random.")
    ] = "linear",
    seed: Annotated[int, typer.Option(min=0, help="Of the random start.")] = 0,
    epochs: Annotated[
        int, typer.Option(min=0, help="Epochs of training the shared values.")
    ] = 0,
    lr: Annotated[
        float | None, typer.Option(help="Highest learning rate of that training.")
    ] = None,
    data: Data = None,
    images: Annotated[
        int | None, typer.Option(min=1, help="Images for accuracy, class-balanced.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compress a network to a .wbz file and show what each stage does to its size."""
    network = load_pruned(load_network(model, weights, input_shape), recipe)
    small = wb.compress(network, bits, start=start, seed=seed)
    accuracy: dict[str, Any] = {}
    subset = None
    if network.dataset is not None or data is not None:
        test = load_data(network, data, "test")
        subset = test if images is None else test.take(images)
        accuracy["dense"] = wb.evaluate(getattr(network, "base", network), subset)
        accuracy["pruned"] = wb.evaluate(network, subset)
        accuracy["shared weights"] = wb.evaluate(small, subset)
    if epochs:
        small = _tuned(small, load_data(network, data, "train"), epochs, lr)
        if accuracy:
            accuracy["shared weights, trained"] = wb.evaluate(small, subset)
    report = wb.export(small, output, format="wbz")
    facts = {"file": report.to_dict(), **_facts(small, accuracy)}
    asked = {"bits": bits, "start": start, "start_seed": seed, "epochs": epochs}
    record("compress", network, results=facts, data=subset, more={**asked, "lr": lr})
    if as_json:
        print_json({"model": network.name, **facts})
        return
    _print(network.name, facts)
    print_line(f"wrote {report.path}: {report.bytes:,} bytes, sha256 {report.sha256}")
    for check in report.checks:
        print_line(f"  ok  {check}")


def _tuned(small: Any, training: Any, epochs: int, lr: float | None) -> Any:
    from workbench.training.palette import PALETTE_OPTIONS

    options = replace(
        PALETTE_OPTIONS, epochs=epochs, peak_lr=lr or PALETTE_OPTIONS.peak_lr
    )
    return wb.tune_palette(small, training, options=options)


def _facts(small: Any, accuracy: dict[str, Any]) -> dict[str, Any]:
    from workbench.compression.stages import layer_sizes, stages
    from workbench.export.provenance import provenance

    return {
        "stages": [asdict(row) for row in stages(small, facts=provenance(small))],
        "layers": [{**asdict(row), "ratio": row.ratio} for row in layer_sizes(small)],
        "accuracy": {name: asdict(value) for name, value in accuracy.items()},
    }


def _print(name: str, facts: dict[str, Any]) -> None:
    accuracy = facts["accuracy"]
    print_table(
        f"{name}: size of the file by stage",
        ("stage", "bits/value", "bits/place", "bits/weight", "bytes", "ratio"),
        [
            (
                row["name"],
                f"{row['weight_bits']:.2f}",
                f"{row['gap_bits']:.2f}",
                f"{row['bits_per_weight']:.3f}",
                row["bytes"],
                f"{row['ratio']:.2f}",
            )
            for row in facts["stages"]
        ],
    )
    print_line("bits/value, bits/place: of a kept weight; bits/weight: of the file")
    if accuracy:
        print_table(
            "accuracy",
            ("weights", "top-1", "95 % interval", "n"),
            [
                (
                    stage,
                    percent(value["top1"]),
                    " .. ".join(percent(side) for side in value["interval"]),
                    value["n"],
                )
                for stage, value in accuracy.items()
            ],
        )
    print_table(
        "layers in the file",
        ("layer", "weights", "kept", "bits", "table B", "codes B", "places B", "ratio"),
        [
            (
                row["id"],
                row["weights"],
                row["kept"],
                row["bits"],
                row["table_bytes"],
                row["code_bytes"],
                row["gap_bytes"],
                f"{row['ratio']:.2f}",
            )
            for row in facts["layers"]
        ],
    )
