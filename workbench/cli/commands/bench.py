"""`workbench bench`: the command behind every speed claim."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    parse_shape,
)
from workbench.cli.output import percent, print_json, print_line, print_table
from workbench.cli.workspace import record_inputs
from workbench.measure.bench import ROUNDS, contenders_of
from workbench.measure.interleave import Settings, measure_contenders
from workbench.workflows.bench import KIND, bench_inputs, latency_of

if TYPE_CHECKING:
    from workbench.measure.contenders import Contender
    from workbench.measure.peers.protocol import Subject


def run(
    model: Model,
    recipe: RecipeFile = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    threads: Threads = 1,
    against: Annotated[
        str | None,
        typer.Option(
            help="Other engines, separated by commas; `doctor` names them. "
            "[default: torch, for an ONNX file onnxruntime]"
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="Time to spend on measuring.")
    ] = 10.0,
    budget: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Seconds for choosing kernels, a program. [default: 16, more for "
            "networks much larger than ResNet-50]",
        ),
    ] = None,
    per_layer: Annotated[
        bool, typer.Option("--per-layer", help="Also time every layer in place.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Time torch, our dense and our pruned program in interleaved rounds.

    An ONNX file without --recipe is measured as it is, dense or pruned. Exits 1 when
    an engine's output differs: it gets no time. The result is kept as a run.
    """
    names = _names(against, model)
    contenders = _contenders(
        model, recipe, weights=weights, shape=input_shape, against=names
    )
    result = measure_contenders(
        contenders,
        threads=threads,
        rounds=ROUNDS,
        settings=Settings(budget_s=seconds, tune_s=budget),
    )
    facts = result.to_dict()
    if per_layer:
        facts["per_layer"] = _per_layer(contenders[-1].subject, threads, budget)
    facts["run"] = _record(facts, latency_of(result), recipe, names)
    if as_json:
        print_json(facts)
    else:
        _print(facts)
    if any(row["refused"] for row in facts["rows"]):
        raise typer.Exit(1)


def _is_onnx(model: str) -> bool:
    return Path(model).suffix.lower() == ".onnx"


def _names(against: str | None, model: str) -> tuple[str, ...]:
    """Return the engines asked for."""
    if against is None:
        return ("onnxruntime",) if _is_onnx(model) else ("torch",)
    return tuple(name.strip() for name in against.split(",") if name.strip())


def _contenders(
    model: str,
    recipe: Path | None,
    *,
    weights: Path | None,
    shape: str | None,
    against: tuple[str, ...],
) -> "list[Contender]":
    # A file by itself is measured as it is; with a recipe it is a network like others.
    if _is_onnx(model) and recipe is None and weights is None:
        from workbench.measure.peers.subject import OnnxNetwork

        network = OnnxNetwork.read(Path(model), input_shape=parse_shape(shape))
        return contenders_of(network, against=against)
    dense = load_network(model, weights, shape)
    return contenders_of(dense, load_pruned(dense, recipe), against=against)


def _per_layer(
    subject: "Subject", threads: int, budget: float | None
) -> dict[str, Any]:
    """Return the times of every layer of our program of these weights."""
    import torch

    from workbench.measure.per_layer import per_layer

    example = None if subject.has_module else torch.zeros(1, *subject.input_shape)
    program = wb.compile(
        subject.source, threads=threads, example=example, budget=budget
    )
    return {"weights": subject.weights, **per_layer(program).to_dict()}


def _record(
    facts: Mapping[str, Any],
    latency: Mapping[str, Any],
    recipe: Path | None,
    against: tuple[str, ...],
) -> str | None:
    """Keep the result as a run; return its id, or None where that cannot be done."""
    inputs = bench_inputs(
        facts["network"],
        facts["digest"],
        None if recipe is None else wb.Recipe.load(recipe).dump(),
        threads=facts["threads"],
        against=against,
    )
    more = {"per_layer": facts["per_layer"]} if "per_layer" in facts else {}
    return record_inputs(KIND, inputs, {"latency": latency, **more})


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
    if "per_layer" in result:
        print_line()
        _print_layers(result["per_layer"])
    if result["run"]:
        print_line(f"kept as run {result['run']}")


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


def _print_layers(facts: Mapping[str, Any]) -> None:
    """Print the layers of our program; the slowest names itself."""
    print_table(
        f"{facts['network']} {facts['weights']}, every layer in place: "
        f"{facts['total_ms']:.3f} ms, median of {facts['rounds']} runs",
        ("layer", "op", "ms", "share", "MACs", "GF/s", "of peak", "kernel"),
        [
            (
                row["layer"],
                row["op"],
                f"{row['ms']:.4f}",
                percent(row["share"]),
                row["executed_macs"],
                "" if row["gflops"] is None else f"{row['gflops']:.1f}",
                "" if row["of_peak"] is None else percent(row["of_peak"]),
                row["kernel"],
            )
            for row in facts["layers"]
        ],
    )
    slowest = max(facts["layers"], key=lambda row: row["ms"])
    print_line(f"slowest: {slowest['layer']}, {percent(slowest['share'])} of the time")
    print_line(
        "MACs: what the kernel multiplies; GF/s: on non-zero weights; "
        f"peak: {facts['peak_gflops']:.1f} GF/s a core, measured"
    )
