"""`workbench train`: first training, dense or sparse, and methods that choose in it."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import workbench as wb
from workbench.cli.options import (
    AsJson,
    Data,
    InputShape,
    Model,
    RecipeFile,
    Settings,
    Weights,
    load_data,
    load_network,
    parse_settings,
)
from workbench.cli.output import percent, print_json, print_line, print_table
from workbench.cli.training import (
    Checkpoint,
    Epochs,
    Images,
    Output,
    Progress,
    Written,
    print_accuracies,
    together,
)
from workbench.cli.workspace import record, record_inputs
from workbench.errors import WorkbenchError
from workbench.workflows import finetune
from workbench.workflows.finetune import FinetuneOrder
from workbench.workflows.lottery import LotteryOrder, rounds

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.models.network import Network
    from workbench.training.learn import Driven
    from workbench.training.loop.fit import FitHooks


def run(
    model: Model,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start from new random weights.")
    ] = False,
    recipe: RecipeFile = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="Choose while training: slimming, skeleton, flops, winograd, lottery."
        ),
    ] = None,
    values: Settings = None,
    epochs: Epochs = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    rates: Annotated[
        str | None,
        typer.Option(help="Learning rates: one-cycle, cosine, step, constant."),
    ] = None,
    precision: Annotated[str, typer.Option(help="fp32 or bf16.")] = "fp32",
    seed: Annotated[int, typer.Option(min=0, help="Of weights and order.")] = 0,
    images: Images = None,
    data: Data = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    output: Output = None,
    checkpoint: Checkpoint = None,
    as_json: AsJson = False,
) -> None:
    """Train a network: plain, under a recipe's masks, or by a method that chooses.

    With --recipe the masks hold from the first step on, e.g. HetConv from scratch:
    --fresh --recipe hetconv.yaml.
    """
    if recipe is not None and method is not None:
        raise WorkbenchError(
            "both --recipe and --method",
            "masks from a recipe, or a method that chooses them",
            "Give one of them.",
        )
    how = _method(method, values or [])
    asked = {"epochs": epochs, "lr": lr, "rates": rates, "precision": precision}
    settings = {name: value for name, value in asked.items() if value is not None}
    settings["seed"] = seed
    with together() as leads:
        network = load_network(model, weights, input_shape)
        train, val, test = (
            load_data(network, data, split) for split in ("train", "val", "test")
        )
        if images is not None:
            train = train.take(images)
        shown = Progress(quiet=as_json or not leads)
        if how is not None and how.method.name == "lottery":
            from workbench.training.lottery import LotteryPlan

            plan = LotteryPlan(**how.params.model_dump())
            order = LotteryOrder(network, train, val, plan, settings, fresh)
            _lottery(order, checkpoint, shown)
            return
        if fresh:
            network = wb.fresh(network, seed=seed)
        images_of = (train, val, test)
        masked = _masked(network, recipe, how, images_of, settings)
        with shown.hooks() as hooks:
            result = _trained(network, masked, images_of, checkpoint, hooks, settings)
        if not leads:
            return
        if masked is None:
            kept, accuracy = None, asdict(wb.evaluate(result.network, test))
        else:
            kept = finetune.results_of(masked, result)
            accuracy = kept["tuned"]
        costs = wb.layer_costs(result.network)
        written = Written.of(result.network, output)
    facts: dict[str, Any] = {
        "model": network.name,
        "dataset": train.name,
        "images": len(train),
        "method": method,
        "recipe": None if recipe is None else str(recipe),
        "settings": settings,
        "history": [asdict(log) for log in result.history],
        "accuracy": accuracy,
        "macs": costs.macs,
        "dense_macs": costs.dense_macs,
        "sparsity": costs.sparsity,
        "digest": result.network.digest,
        "export": written.report,
    }
    if masked is not None and kept is not None:
        record_inputs(masked.kind, masked.inputs, kept)
    else:
        more = {"settings": settings, "images": len(train)}
        record("train", result.network, results=facts, data=test, more=more)
    if as_json:
        print_json(facts)
        written.require()
        return
    print_accuracies(f"{network.name} on {test.name} (test)", {"trained": accuracy})
    print_line(
        f"MACs {costs.macs:,} of {costs.dense_macs:,}, "
        f"zero weights {percent(costs.sparsity)}"
    )
    written.tell()


def _method(method: str | None, values: list[str]) -> "Driven | None":
    """Return the method with its parameters, or None without one."""
    from workbench.training.learn import Driven

    if method is not None:
        return Driven.of(method, **parse_settings(values))
    if values:
        raise WorkbenchError(
            f"--set {values[0]} without --method",
            "a method whose parameter it is",
            "Write --method flops --set target=0.5, for example.",
        )
    return None


def _masked(
    network: "Network",
    recipe: Path | None,
    how: "Driven | None",
    images: "tuple[Dataset, Dataset, Dataset]",
    settings: Mapping[str, Any],
) -> FinetuneOrder | None:
    """Return the training under masks, or by a method that chooses them, or None."""
    if recipe is None and how is None:
        return None
    chosen = wb.Recipe() if recipe is None else wb.Recipe.load(recipe)
    order = FinetuneOrder(wb.prune(network, chosen), *images, settings)
    if how is None:
        return order
    return replace(order, method=how.method.name, params=how.params.model_dump())


def _trained(
    network: "Network",
    masked: FinetuneOrder | None,
    images: "tuple[Dataset, Dataset, Dataset]",
    checkpoint: Path | None,
    hooks: "FitHooks",
    settings: Mapping[str, Any],
) -> Any:
    """Return a value with ``.network`` and ``.history``."""
    from workbench.training.scratch import train_logged

    if masked is not None:
        return finetune.train(masked, checkpoint=checkpoint, hooks=hooks)
    train, val, _ = images
    return train_logged(
        network, train, val=val, checkpoint=checkpoint, hooks=hooks, **settings
    )


def _lottery(order: LotteryOrder, checkpoint: Path | None, shown: Progress) -> None:
    """Print every round: validation accuracy of the ticket and of its control."""
    rows = []
    for row in rounds(order, checkpoint=checkpoint):
        rows.append(row)
        control = row["control"]
        shown.line(
            f"round {row['round']}: sparsity {percent(row['sparsity'])}, ticket "
            f"{percent(row['ticket']['top1'])}"
            + ("" if control is None else f", control {percent(control['top1'])}")
        )
    name = order.network.name
    record_inputs(order.kind, order.inputs, {"rounds": rows})
    if shown.quiet:
        print_json({"model": name, "method": order.kind, "rounds": rows})
        return
    print_table(
        f"lottery tickets of {name} (validation images)",
        ("round", "sparsity", "ticket top-1", "random control top-1"),
        [
            (
                row["round"],
                percent(row["sparsity"]),
                percent(row["ticket"]["top1"]),
                "" if row["control"] is None else percent(row["control"]["top1"]),
            )
            for row in rows
        ],
    )
