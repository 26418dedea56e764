"""`workbench bench`: the command behind every speed claim."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

import workbench as wb
from workbench.cli.options import (
    AsJson,
    InputShape,
    Model,
    RecipeFile,
    Threads,
    Weights,
    load_network,
    load_pruned,
)
from workbench.cli.output import print_json, print_line, print_table


def run(
    model: Model,
    recipe: RecipeFile = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    threads: Threads = 1,
    against: Annotated[
        str, typer.Option(help="Other engines, separated by commas.")
    ] = "torch",
    seconds: Annotated[
        float, typer.Option(min=0.1, help="Time to spend on measuring.")
    ] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Time torch, our dense and our pruned program in interleaved rounds.

    Exits 1 when an engine's output differs: it gets no time.
    """
    network = load_network(model, weights, input_shape)
    names = tuple(name.strip() for name in against.split(",") if name.strip())
    result = wb.bench(
        network,
        load_pruned(network, recipe),
        threads=threads,
        against=names,
        budget_s=seconds,
    )
    facts = result.to_dict()
    if as_json:
        print_json(facts)
    else:
        _print(facts)
    if any(row["refused"] for row in facts["rows"]):
        raise typer.Exit(1)


def _print(result: Mapping[str, Any]) -> None:
    """Print the measurement as a table; a refused engine shows why."""
    print_table(
        f"{result['network']}: latency in ms, batch 1, fp32, "
        f"{result['threads']} thread(s)",
        ("engine", "median", "p10", "p90", "n", "ratio", "verdict"),
        [_cells(row) for row in result["rows"]],
    )
    for absent in result["absent"]:
        print_line(f"{absent['name']} did not take part: {absent['reason']}")
    print_line(f"ratio: median of {result['baseline']} / median of the row")
    if result["warning"]:
        print_line(f"warning: {result['warning']}")


def _cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Return one row of the table."""
    if row["refused"]:
        return (row["name"], "-", "", "", "", "", f"refused: {row['refused']}")
    baseline = row["ratio"] is None
    return (
        row["name"],
        f"{row['median_ms']:.3f}",
        f"{row['p10_ms']:.3f}",
        f"{row['p90_ms']:.3f}",
        row["n"],
        "1.00" if baseline else f"{row['ratio']:.2f}",
        "baseline" if baseline else row["verdict"],
    )
