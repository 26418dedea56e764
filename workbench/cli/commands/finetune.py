"""`workbench finetune`: train a pruned network, its removed weights held at zero."""

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
    Weights,
    load_data,
    load_network,
)
from workbench.cli.output import print_json
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
from workbench.cli.workspace import record_inputs
from workbench.errors import WorkbenchError
from workbench.workflows import finetune
from workbench.workflows.finetune import FinetuneOrder

if TYPE_CHECKING:
    from workbench.pruning.pruned import PrunedNetwork


def run(
    model: Model,
    recipe: RecipeFile = None,
    weights: Weights = None,
    epochs: Epochs = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    schedule: Annotated[
        str | None,
        typer.Option(help="Of sparsity: one-shot, iterative, gradual or admm."),
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="Of iterative.")] = None,
    distill: Annotated[
        float | None,
        typer.Option(help="Share of the dense network's answers in the loss, 0..1."),
    ] = None,
    rates: Annotated[
        str | None,
        typer.Option(help="Learning rates: one-cycle, cosine, step, constant."),
    ] = None,
    ema: Annotated[
        float | None, typer.Option(help="Decay of a moving average of weights.")
    ] = None,
    precision: Annotated[str, typer.Option(help="fp32 or bf16.")] = "fp32",
    images: Images = None,
    data: Data = None,
    input_shape: InputShape = None,
    output: Output = None,
    checkpoint: Checkpoint = None,
    as_json: AsJson = False,
) -> None:
    """Fine-tune; print test accuracy raw, BN re-estimated and tuned.

    With --recipe the model is pruned first, and the recipe's `finetune:` block counts
    where no option is given. With --weights alone, their zeros are the masks.
    """
    asked = {
        "epochs": epochs,
        "lr": lr,
        "schedule": schedule,
        "rounds": rounds,
        "distill": distill,
        "rates": rates,
        "ema": ema,
        "precision": precision,
    }
    settings = {name: value for name, value in asked.items() if value is not None}
    with together() as leads:
        pruned = _pruned(model, recipe, weights, input_shape)
        train, val, test = (
            load_data(pruned, data, split) for split in ("train", "val", "test")
        )
        if images is not None:
            train = train.take(images)
        order = FinetuneOrder(pruned, train, val, test, settings)
        with Progress(quiet=as_json or not leads).hooks() as hooks:
            trained = finetune.train(order, checkpoint=checkpoint, hooks=hooks)
        if not leads:
            return
        tuned, results = trained.network, finetune.results_of(order, trained)
        written = Written.of(tuned, output)
    facts: dict[str, Any] = {
        "model": tuned.name,
        "dataset": test.name,
        "images": len(train),
        "recipe": None if recipe is None else str(recipe),
        "settings": settings,
        "zeros": tuned.report.zeros,
        "sparsity": tuned.report.sparsity,
        "history": results["history"],
        "accuracy": {
            "raw": results["raw"],
            "bn_reestimated": results["bn"],
            "tuned": results["tuned"],
        },
        "digest": tuned.digest,
        "export": written.report,
    }
    record_inputs(order.kind, order.inputs, results)
    if as_json:
        print_json(facts)
        written.require()
        return
    print_accuracies(f"{tuned.name} on {test.name} (test)", facts["accuracy"])
    written.tell()


def _pruned(
    model: str, recipe: Path | None, weights: Path | None, input_shape: str | None
) -> "PrunedNetwork":
    """Return what is to be tuned: pruned by a recipe, or by the zeros of a file."""
    from workbench.training.learned.pruned import from_zeros

    network = load_network(model, weights, input_shape)
    if recipe is not None:
        pruned: PrunedNetwork = wb.prune(network, wb.Recipe.load(recipe))
        return pruned
    if weights is None:
        raise WorkbenchError(
            "neither --recipe nor --weights",
            "a recipe to prune by, or weights that are pruned already",
            "Write --recipe FILE, or --weights pruned.safetensors.",
        )
    return from_zeros(load_network(model, None, input_shape), network)
