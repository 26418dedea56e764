"""`workbench verify`: is this exported file whole, safe and what it claims to be?"""

from pathlib import Path
from typing import Annotated

import typer

import workbench as wb
from workbench.cli.options import AsJson, RecipeFile, load_network, load_pruned
from workbench.cli.output import print_json, print_line
from workbench.errors import WorkbenchError


def run(
    file: Annotated[Path, typer.Argument(help="An exported file.")],
    against: Annotated[
        str | None, typer.Option(help="Model that the file must agree with.")
    ] = None,
    recipe: RecipeFile = None,
    as_json: AsJson = False,
) -> None:
    """Check an exported file; exit 1 with found / expected / next when it is wrong."""
    if recipe is not None and against is None:
        raise WorkbenchError(
            "--recipe without --against",
            "the model that the recipe prunes",
            "Add --against MODEL, for example --against resnet20-cifar10.",
        )
    reference = (
        None
        if against is None
        else load_pruned(load_network(against, None, None), recipe)
    )
    result = wb.verify(file, reference)
    if as_json:
        print_json(result.to_dict())
    else:
        print_line(f"{file}: {result.kind}, {'ok' if result.ok else 'REFUSED'}")
        for check in result.checks:
            print_line(f"  {'ok' if check.ok else 'NO'}  {check}")
    if not result.ok:
        raise typer.Exit(1)
