"""`workbench bench`: the command behind every speed claim."""

from typing import Annotated

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
    if as_json:
        print_json(result.to_dict())
    else:
        _print(result.to_dict())
    if any(row["refused"] for row in result.to_dict()["rows"]):
        raise typer.Exit(1)


def _print(result: dict) -> None:  # type: ignore[type-arg]
    """Print the measurement as a table with its conditions."""
    print_table(
        "Latency, ms (batch 1, fp32)",
        ("engine", "median", "p10", "p90", "n", "ratio", "verdict"),
        [
            (
                row["name"],
                *(
                    (row["refused"], "", "", "", "", "")
                    if row["refused"]
                    else (
                        f"{row['median_ms']:.3f}",
                        f"{row['p10_ms']:.3f}",
                        f"{row['p90_ms']:.3f}",
                        row["n"],
                        f"{row['ratio']:.2f}",
                        row["verdict"],
                    )
                ),
            )
            for row in result["rows"]
        ],
    )
    print_line(f"ratio = median of {result['baseline']} / median of the row")
