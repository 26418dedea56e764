"""`workbench plan`: a recipe from a sweep, proved and repaired on request."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import workbench as wb
from workbench.analysis.planner.planner import budget_of, make_plan
from workbench.analysis.sensitivity.csv_file import read_csv
from workbench.analysis.sensitivity.fill import filled
from workbench.analysis.sensitivity.grid import needs_images
from workbench.cli.options import (
    AsJson,
    Data,
    InputShape,
    Threads,
    Weights,
    load_data,
    load_network,
)
from workbench.cli.output import percent, print_json, print_line, print_table
from workbench.cli.progress import shown
from workbench.cli.workspace import Workspace, open_store
from workbench.errors import WorkbenchError
from workbench.jobs.job import Job
from workbench.store.record import network_inputs, plain
from workbench.workflows.plan.round import Proof, best_round
from workbench.workflows.plan.verify import ROUNDS, most_rounds, verify_plan

if TYPE_CHECKING:
    from workbench.analysis.planner.planner import Prediction, PruningPlan
    from workbench.analysis.sensitivity.rows import Sweep
    from workbench.data.dataset import Dataset
    from workbench.models.network import Network
    from workbench.workflows.plan.round import Round


def run(
    sweep: Annotated[
        Path, typer.Argument(help="Sweep (CSV) from `sensitivity`.", metavar="SWEEP")
    ],
    model: Annotated[
        str | None,
        typer.Option(help="Network of the sweep: to verify, or to count and time."),
    ] = None,
    max_drop: Annotated[
        float | None, typer.Option(help="Fall of top-1 at most, 0..1.")
    ] = None,
    latency_ms: Annotated[
        float | None, typer.Option(help="Time of the network at most.")
    ] = None,
    macs: Annotated[
        float | None, typer.Option(help="Theoretical MACs at most.")
    ] = None,
    max_bytes: Annotated[
        float | None, typer.Option("--bytes", help="Sparsely stored bytes at most.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the recipe here.")
    ] = None,
    verify: Annotated[
        bool, typer.Option(help="Prune, evaluate and measure what was planned.")
    ] = False,
    rounds: Annotated[
        int, typer.Option(min=0, help="Repairs of each start at most, with --verify.")
    ] = ROUNDS,
    settle: Annotated[
        bool,
        typer.Option(help="Re-estimate batch norms before --verify evaluates a plan."),
    ] = False,
    tune_epochs: Annotated[
        int,
        typer.Option(
            min=0, help="Fine-tune each start's best plan so long, then choose."
        ),
    ] = 0,
    dense_top1: Annotated[
        float | None,
        typer.Option(help="Dense accuracy, 0..1, for a file without sparsity 0."),
    ] = None,
    data: Data = None,
    images: Annotated[
        int | None, typer.Option(min=1, help="As in the sweep; its n if left out.")
    ] = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    threads: Threads = 1,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Choose method and sparsity of every layer under a budget, exactly.

    Sweeps of Distiller (long) and NNI (wide) are read too: give --model, so that what
    they do not say is counted on the network. Exits 1 when --verify finds that no
    round kept the budget.
    """
    cells = read_csv(sweep, dense_top1=dense_top1)
    network = None if model is None else load_network(model, weights, input_shape)
    if network is not None:
        cells = _filled(cells, network, timed=latency_ms is not None, threads=threads)
    wanted = budget_of(
        cells, latency_ms=latency_ms, macs=macs, bytes=max_bytes, max_drop=max_drop
    )
    if not verify:
        made = make_plan(cells, wanted)
        _save(made, output)
        if as_json:
            print_json(_plan_facts(made))
            return
        _print_plan(made)
        print_line("predicted only: run it with --verify to see what it really gives")
        return
    if network is None:
        if not cells.model:
            raise WorkbenchError(
                "--verify without --model", "the network of the sweep", "Name it."
            )
        network = load_network(cells.model, weights, input_shape)
    options = wb.SweepOptions(
        images=images or cells.base.n or None,
        threads=threads,
        calibration=_calibration(cells, network, data),
    )
    proof = Proof(
        network,
        load_data(network, data, cells.split or "val"),
        options,
        settle=load_data(network, data, "train") if settle or tune_epochs else None,
        tune_epochs=tune_epochs,
    )
    job = Job("plan", {}, total=most_rounds(cells, wanted, rounds))
    with open_store(workspace) as store, shown(job, "proving the plan"):
        found = verify_plan(
            cells,
            wanted,
            proof,
            rounds=rounds,
            on_round=lambda one: job.advance(one.to_dict()),
        )
        best = best_round(found)
        pruned = wb.prune(network, best.plan.recipe, options.calibration)
        run = store.add_run(
            "plan",
            inputs=network_inputs(
                pruned,
                data=proof.data,
                threads=threads,
                more={"budget": asdict(wanted)},
            ),
            results=plain({"rounds": [one.to_dict() for one in found]}),
        )
    _save(best.plan, output)
    if as_json:
        print_json(
            {
                **_plan_facts(best.plan),
                "actual": asdict(best.actual),
                "kept": best.kept,
                "rounds": [one.to_dict() for one in found],
                "run": run.id,
            }
        )
    else:
        _print_plan(best.plan)
        _print_rounds(found, best)
    if not best.kept:
        raise typer.Exit(1)


def _filled(
    cells: "Sweep", network: "Network", *, timed: bool, threads: int
) -> "Sweep":
    """Return the cells with what their file does not say."""
    bare = sum(not row.counted for row in cells.rows)
    timed = timed and cells.base.network_ms is None
    if not bare and not timed:
        return cells
    what = " and ".join(["counting"] * bool(bare) + ["timing"] * timed)
    typer.echo(f"{what} {len(cells.rows)} cells on {network.name}", err=True)
    options = wb.SweepOptions(latency="measure" if timed else "none", threads=threads)
    return filled(cells, network, options)


def _calibration(
    cells: "Sweep", network: "Network", data: str | None
) -> "Dataset | None":
    return load_data(network, data, "train") if needs_images(cells.methods) else None


def _save(made: "PruningPlan", output: Path | None) -> None:
    if output is not None:
        made.recipe.save(output)


def _plan_facts(made: "PruningPlan") -> dict[str, Any]:
    return {
        "recipe": made.recipe.dump(),
        "budget": asdict(made.budget),
        "predicted": asdict(made.predicted),
    }


def _print_plan(made: "PruningPlan") -> None:
    print_table(
        f"plan of {len(made.rows)} rules",
        ("layer", "method", "sparsity", "top-1 alone", "network ms alone"),
        [
            (
                row.subject,
                row.method,
                f"{row.sparsity:g}",
                percent(row.top1),
                "-" if row.network_ms is None else f"{row.network_ms:.4f}",
            )
            for row in made.rows
        ],
    )
    print_line("predicted: " + _words(made.predicted))


def _print_rounds(found: "tuple[Round, ...]", best: "Round") -> None:
    print_table(
        "predicted against actual",
        (
            "round",
            "what",
            "top-1 drop",
            "loss rise",
            "divergence",
            "ms",
            "MACs",
            "bytes",
            "kept",
        ),
        [
            (
                one.number,
                name,
                percent(value.drop),
                "-" if value.loss is None else f"{value.loss:+.4f}",
                "-" if value.degradation is None else f"{value.degradation:.4f}",
                "-" if value.ms is None else f"{value.ms:.4f}",
                round(value.macs),
                round(value.bytes),
                "" if name != "actual" else "yes" if one.kept else "no",
            )
            for one in found
            for name, value in (
                ("predicted", one.plan.predicted),
                ("actual", one.actual),
                ("tuned", one.tuned),
            )
            if value is not None
        ],
    )
    print_line(f"chosen: round {best.number}, " + _words(best.tuned or best.actual))


def _words(value: "Prediction") -> str:
    time = "" if value.ms is None else f", {value.ms:.4f} ms"
    loss = "" if value.loss is None else f", loss {value.loss:+.4f}"
    return (
        f"top-1 drop {percent(value.drop)}{loss}{time}, {round(value.macs):,} MACs, "
        f"{round(value.bytes):,} bytes"
    )
