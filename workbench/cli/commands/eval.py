"""`workbench eval`: accuracy on real data, raw and with batch norms re-estimated."""

from dataclasses import asdict
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
    load_pruned,
)
from workbench.cli.output import print_json
from workbench.cli.training import print_accuracies
from workbench.cli.workspace import record
from workbench.data.raw import MissingPartError

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork


def run(
    model: Model,
    data: Data = None,
    recipe: RecipeFile = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    images: Annotated[
        int | None, typer.Option(min=1, help="Use a class-balanced subset.")
    ] = None,
    bn_images: Annotated[
        int, typer.Option(min=1, help="Training images for re-estimation.")
    ] = 2000,
    as_json: AsJson = False,
) -> None:
    """Print top-1 with n and its 95 % interval: raw, and BN re-estimated."""
    network = load_pruned(load_network(model, weights, input_shape), recipe)
    dataset = load_data(network, data, split)
    subset = dataset if images is None else dataset.take(images)
    facts = {
        "raw": asdict(wb.evaluate(network, subset)),
        "bn_reestimated": _reestimated(network, data, subset, bn_images),
    }
    record("eval", network, data=subset, results=facts)
    if as_json:
        print_json(
            {
                "model": network.name,
                "dataset": dataset.name,
                "split": split,
                "dataset_digest": subset.digest,
                "recipe": None if recipe is None else str(recipe),
                **facts,
            }
        )
        return
    print_accuracies(f"{network.name} on {dataset.name} ({split})", facts)


def _reestimated(
    network: "Network | PrunedNetwork",
    data: str | None,
    scored: "Dataset",
    images: int,
) -> dict[str, Any]:
    """Return the accuracy with new statistics, or why there is none."""
    try:
        training = load_data(network, data, "train")
    except MissingPartError as error:
        return {"why": error.found}
    settled = wb.reestimate_bn(network, training, images=images)
    return asdict(wb.evaluate(settled, scored))
