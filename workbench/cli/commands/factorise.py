"""`workbench factorise`: low-rank or Kronecker factors in the place of layers."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

import workbench as wb
from workbench.cli.options import (
    AsJson,
    Data,
    InputShape,
    Model,
    Weights,
    load_data,
    load_network,
)
from workbench.cli.output import percent, print_json, print_line, print_table
from workbench.cli.workspace import record


def run(
    model: Model,
    form: Annotated[
        str, typer.Option(help="low-rank, spatial (k x 1, 1 x k) or kronecker.")
    ] = "low-rank",
    share: Annotated[
        float, typer.Option(help="Weights after over before, above 0, at most 1.")
    ] = 0.5,
    match: Annotated[str, typer.Option(help="Pattern of layer ids.")] = "*",
    weights: Weights = None,
    input_shape: InputShape = None,
    data: Data = None,
    images: Annotated[
        int | None, typer.Option(min=1, help="Images for accuracy, class-balanced.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File: .onnx or .wbp.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replace layers by two smaller ones; show error, parameters and MACs."""
    network = load_network(model, weights, input_shape)
    done = wb.factorise(network, form, share=share, match=match)
    accuracy: dict[str, Any] = {}
    subset = None
    if images is not None or data is not None:
        test = load_data(network, data, "test")
        subset = test if images is None else test.take(images)
        accuracy["before"] = wb.evaluate(network, subset)
        accuracy["after, not tuned"] = wb.evaluate(done.network, subset)
    report = None if output is None else wb.export(done.network, output)
    facts = {
        "model": network.name,
        "form": form,
        "layers": [asdict(row) for row in done.rows],
        "accuracy": {name: asdict(value) for name, value in accuracy.items()},
        "file": None if report is None else report.to_dict(),
    }
    asked = {"form": form, "share": share, "match": match}
    record("factorise", network, results=facts, data=subset, more=asked)
    if as_json:
        print_json(facts)
        return
    _print(facts)
    before, after = wb.layer_costs(network), wb.layer_costs(done.network)
    print_line(
        f"network: {before.macs:,} to {after.macs:,} theoretical MACs, "
        f"{before.nonzeros:,} to {sum_of_weights(done):,} stored weights"
    )
    if report is not None:
        print_line(f"wrote {report.path}: {report.format}, {report.bytes:,} bytes")


def sum_of_weights(done: Any) -> int:
    """Return the weights that the factorised network has to store."""
    return sum(one.numel() for one in done.module.parameters() if one.ndim > 1)


def _print(facts: dict[str, Any]) -> None:
    print_table(
        f"{facts['model']}: {facts['form']} factors",
        ("layer", "rank", "error", "weights", "after", "MACs", "MACs after"),
        [
            (
                row["id"],
                row["rank"],
                percent(row["error"]),
                row["params"],
                row["factor_params"],
                row["macs"],
                row["factor_macs"],
            )
            for row in facts["layers"]
        ],
    )
    for name, value in facts["accuracy"].items():
        print_line(f"top-1 {name}: {percent(value['top1'])} (n {value['n']:,})")
