"""`workbench export`: write a network in any format and read it back."""

from pathlib import Path
from typing import Annotated

import typer

import workbench as wb
from workbench.cli.options import (
    AsJson,
    InputShape,
    Model,
    RecipeFile,
    Weights,
    load_network,
    load_pruned,
)
from workbench.cli.output import print_json, print_line
from workbench.cli.workspace import record
from workbench.errors import WorkbenchError


def run(
    model: Model,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="File; its suffix chooses the format."),
    ],
    recipe: RecipeFile = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    file_format: Annotated[
        str | None, typer.Option("--format", help="Format, when the suffix is unclear.")
    ] = None,
    shrink: Annotated[
        bool,
        typer.Option(
            "--shrink",
            help="With --recipe: channels that nobody reads are cut out first.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write safetensors, pt, ONNX, wbp or the recipe, each verified by reading back."""
    if shrink and recipe is None:
        raise WorkbenchError(
            "--shrink without --recipe",
            "a recipe that removes channels",
            "Add --recipe FILE, or prune with: python -m workbench prune --shrink.",
        )
    network = load_pruned(load_network(model, weights, input_shape), recipe)
    network = wb.shrink(network) if shrink else network
    report = wb.export(network, output, format=file_format)
    record("export", network, results=report.to_dict())
    if as_json:
        print_json(report.to_dict())
        return
    print_line(f"wrote {report.path}: {report.format}, {report.bytes:,} bytes")
    for check in report.checks:
        print_line(f"  ok  {check}")
