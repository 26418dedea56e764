"""`workbench prune`: prune by a recipe or one method, report, and save the weights."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import workbench as wb
from workbench.cli.options import AsJson, InputShape, Model, Weights, load_network
from workbench.cli.output import percent, print_json, print_line, print_table
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.pruning.report import PruneReport


def run(
    model: Model,
    recipe: Annotated[
        Path | None, typer.Option(help="Recipe (YAML) to prune by.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="One method for all layers, e.g. magnitude.")
    ] = None,
    sparsity: Annotated[
        float | None, typer.Option(help="Zeros / total for --method, 0..1.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the pruned weights here."),
    ] = None,
    save_recipe: Annotated[
        Path | None, typer.Option(help="Write the recipe that was used here.")
    ] = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    as_json: AsJson = False,
) -> None:
    """Prune a network and say what was really removed."""
    if (recipe is None) == (method is None):
        raise WorkbenchError(
            "both --recipe and --method" if recipe else "neither --recipe nor --method",
            "exactly one of them",
            "Write --recipe FILE, or --method magnitude --sparsity 0.8.",
        )
    if recipe is not None and sparsity is not None:
        raise WorkbenchError(
            "both --recipe and --sparsity",
            "the sparsities that the recipe's rules state",
            "Write it into the recipe, or give --method instead.",
        )
    network = load_network(model, weights, input_shape)
    if recipe is not None:
        used = wb.Recipe.load(recipe)
    else:
        used = wb.Recipe.uniform(method, 0.5 if sparsity is None else sparsity)
    pruned = wb.prune(network, used)
    report = _report(pruned.report)
    if save_recipe is not None:
        used.save(save_recipe)
    saved = None if output is None else wb.export(pruned, output).to_dict()
    if as_json:
        print_json({"model": network.name, "report": report, "export": saved})
        return
    print_table(
        f"{network.name} pruned",
        (
            "layer",
            "method",
            "weights",
            "zeros",
            "sparsity",
            "kernels removed",
            "filters removed",
            "note",
        ),
        [
            (
                row["id"],
                row["method"],
                row["weights"],
                row["zeros"],
                percent(row["sparsity"]),
                row["kernels_removed"],
                row["filters_removed"],
                row["note"],
            )
            for row in report["layers"]
        ],
    )
    print_line(f"sparsity over all layers: {percent(report['sparsity'])}")
    if saved is not None:
        print_line(f"wrote {saved['path']} ({saved['bytes']:,} bytes, verified)")


def _report(report: "PruneReport") -> dict[str, Any]:
    """Return the report with stable keys."""
    layers = [asdict(row) | {"sparsity": row.sparsity} for row in report.layers]
    return {
        "weights": report.weights,
        "zeros": report.zeros,
        "sparsity": report.sparsity,
        "kernels_removed": report.kernels_removed,
        "filters_removed": report.filters_removed,
        "layers": layers,
    }
