"""`workbench sensitivity`: what each layer loses under each method at each sparsity."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import workbench as wb
from workbench.analysis.sensitivity.csv_file import write_long, write_wide
from workbench.analysis.sensitivity.grid import SPARSITIES, needs_images
from workbench.cli.options import (
    AsJson,
    Data,
    InputShape,
    Model,
    Threads,
    Weights,
    load_data,
    load_network,
)
from workbench.cli.output import percent, print_json, print_line, print_table
from workbench.cli.progress import duration, shown
from workbench.cli.workspace import Workspace, open_store, record_inputs
from workbench.errors import WorkbenchError
from workbench.jobs.job import Job
from workbench.workflows.break_even.curve import BreakEven, BreakEvenCurve
from workbench.workflows.break_even.measure import measure_curve
from workbench.workflows.break_even.order import METHODS as LAYER_METHODS
from workbench.workflows.break_even.order import SPARSITIES as LAYER_LEVELS
from workbench.workflows.break_even.order import BreakEvenOrder
from workbench.workflows.break_even.run import gathered
from workbench.workflows.sweep.choose import executor_named
from workbench.workflows.sweep.order import SweepOrder
from workbench.workflows.sweep.run import run_sweep

if TYPE_CHECKING:
    from workbench.analysis.sensitivity.rows import Sweep, SweepRow

DEFAULT_LEVELS = ",".join(str(value) for value in SPARSITIES)


def run(
    model: Model,
    data: Data = None,
    methods: Annotated[
        str | None,
        typer.Option(
            help="Separated by commas; parameters as block:n=8. [default: magnitude, "
            "with --break-even one of each granularity]"
        ),
    ] = None,
    sparsities: Annotated[
        str | None,
        typer.Option(
            help=f"Zeros / total, separated by commas. [default: {DEFAULT_LEVELS}, "
            f"with --break-even {','.join(map(str, LAYER_LEVELS))}]"
        ),
    ] = None,
    layers: Annotated[
        str, typer.Option(help="Only these layers, separated by commas.")
    ] = "",
    images: Annotated[
        int | None, typer.Option(min=1, help="Class-balanced subset of the split.")
    ] = None,
    split: Annotated[str, typer.Option(help="val or train; never test.")] = "val",
    latency: Annotated[
        str, typer.Option(help="none, model (estimate) or measure, for each cell.")
    ] = "measure",
    stop_drop: Annotated[
        float | None, typer.Option(help="End a curve after a larger drop of top-1.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write all rows here (Distiller's columns).")
    ] = None,
    wide_csv: Annotated[
        Path | None, typer.Option(help="Write top-1 of one method here (NNI's form).")
    ] = None,
    workspace: Workspace = None,
    resume: Annotated[
        bool, typer.Option(help="Take over cells that earlier runs finished.")
    ] = True,
    executor: Annotated[str, typer.Option(help="local, or ray (extra).")] = "local",
    address: Annotated[
        str | None, typer.Option(help="Address of the Ray cluster.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the recipes, for methods that draw.")
    ] = 0,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes; where times are measured, one a machine."),
    ] = None,
    break_even: Annotated[
        str | None,
        typer.Option(help="Instead: latency of this layer against sparsity."),
    ] = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Prune each layer alone by each method and say what it loses and gains.

    Every finished cell is kept at once: after Ctrl-C or a crash the same command goes
    on where it was. Criteria that look at images take the training split.
    """
    network = load_network(model, weights, input_shape)
    usual: tuple[tuple[str, ...], tuple[float, ...]] = (("magnitude",), SPARSITIES)
    if break_even is not None:
        usual = (LAYER_METHODS, LAYER_LEVELS)
    names = usual[0] if methods is None else _names(methods)
    levels = usual[1] if sparsities is None else _numbers(sparsities)
    if break_even is not None:
        asked = [
            BreakEvenOrder(network, break_even, name, levels, threads) for name in names
        ]
        print_break_even(gathered(asked, _recorded), as_json)
        return
    options = wb.SweepOptions(
        images=images,
        latency=latency,
        threads=threads,
        stop_drop=stop_drop,
        seed=seed,
        layers=_names(layers),
        calibration=load_data(network, data, "train") if needs_images(names) else None,
    )
    order = SweepOrder(network, load_data(network, data, split), names, levels, options)
    cells = sum(len(curve.sparsities) for curve in order.curves)
    if not as_json:
        about = duration(order.estimate_s)
        print_line(f"{cells} cells, about {about} on a quiet core if none is known")
    job = Job("sensitivity", {}, total=cells)
    with open_store(workspace) as store, shown(job, f"sweeping {network.name}"):
        try:
            sweep = run_sweep(
                job,
                order,
                store=store,
                executor=executor_named(executor, address=address, workers=workers),
                resume=resume,
            )
        except KeyboardInterrupt:
            print_line(
                f"\nstopped after {job.view().done} of {cells} cells; "
                "the same command goes on from there"
            )
            raise typer.Exit(130) from None
    if csv is not None:
        write_long(sweep, csv)
    if wide_csv is not None:
        write_wide(sweep, wide_csv)
    if as_json:
        print_json(_facts(sweep))
    else:
        _print(sweep)
        if csv is not None:
            print_line(f"wrote {csv} ({len(sweep.rows)} rows)")


def _recorded(order: BreakEvenOrder) -> BreakEvenCurve:
    """Return a measured curve, kept as a run."""
    curve = measure_curve(order)
    record_inputs(order.kind, order.inputs, curve.to_dict())
    return curve


def print_break_even(found: BreakEven, as_json: bool) -> None:
    """Print where each granularity of a layer becomes faster than its dense kernel."""
    if as_json:
        print_json(found.to_dict())
        return
    levels = found.sparsities
    print_table(
        f"{found.layer}: ms against sparsity, {found.threads} thread(s); dense "
        f"{found.dense_ms:.4f} ms ({found.dense_kernel})",
        ("method", *(f"{level:g}" for level in levels), "break-even"),
        [
            (
                curve.method,
                *("-" if ms is None else f"{ms:.4f}" for ms in curve.ms),
                "never" if curve.crossing is None else f"{curve.crossing:.3f}",
            )
            for curve in found.curves
        ],
    )
    for name, reason in found.refused:
        print_line(f"{name}: {reason}")
    print_line(
        "ms: medians of each pruned version in turns with the dense one, alone; "
        "break-even: from there on faster beyond the noise"
    )


def _print(sweep: "Sweep") -> None:
    base = sweep.base
    print_table(
        f"{sweep.model} on {sweep.data} ({sweep.split}), n = {base.n}: top-1 dense "
        f"{percent(base.top1)} ({percent(base.low)} .. {percent(base.high)})",
        ("layer", "method", "sparsity", "top-1", "95 % interval", "loss", "change",
         "removed", "theoretical MACs", "executed MACs", "layer ms", "network ms"),
        [_cells(sweep, row) for row in sweep.rows],
    )  # fmt: skip
    if sweep.latency != "none":
        measured = "dense and pruned program in turns, step by step inside the whole"
        how = measured if sweep.latency == "measure" else "the engine's cost model"
        print_line(f"ms: {how}")
    if base.measured_ms is not None and base.network_ms is not None:
        print_line(
            f"dense: {base.network_ms:.4f} ms as a sum of steps, "
            f"{base.measured_ms:.4f} ms as a whole"
        )
    reasons: dict[str, int] = {}
    for one in sweep.skipped:
        reasons[one.reason] = reasons.get(one.reason, 0) + 1
    for reason, count in reasons.items():
        print_line(f"{count} cells without numbers: {reason}")


def _cells(sweep: "Sweep", row: "SweepRow") -> tuple[object, ...]:
    removed = "nothing!" if row.removed_nothing else f"{row.weights_removed:,}"
    return (
        row.subject
        if len(row.layers) == 1
        else f"{row.subject} +{len(row.layers) - 1}",
        row.method,
        f"{row.reached:.3f}",
        percent(row.top1),
        f"{percent(row.low)} .. {percent(row.high)}",
        "-" if row.loss is None else f"{row.loss:.4f}",
        "-" if row.output_l2 is None else f"{row.output_l2:.3f}",
        removed,
        row.macs,
        row.executed_macs,
        "-" if row.layer_ms is None else f"{row.layer_ms:.4f}",
        "-" if row.network_ms is None else f"{row.network_ms:.4f}",
    )


def _facts(sweep: "Sweep") -> dict[str, Any]:
    rows = [
        row.to_dict() | {"removed_nothing": row.removed_nothing} for row in sweep.rows
    ]
    return asdict(sweep) | {"rows": rows}


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise WorkbenchError(
            f"--sparsities {text!r}", "numbers such as 0.5,0.8,0.9", "Correct it."
        ) from None
