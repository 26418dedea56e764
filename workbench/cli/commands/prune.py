"""`workbench prune`: prune by a recipe or one method, report, and save the weights."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import workbench as wb
from workbench.analysis.cost.equal_macs import at_macs
from workbench.cli.options import (
    AsJson,
    Data,
    InputShape,
    Model,
    Settings,
    Weights,
    load_data,
    load_network,
    parse_settings,
)
from workbench.cli.output import percent, print_json, print_line, print_table
from workbench.cli.workspace import record
from workbench.errors import WorkbenchError
from workbench.pruning.criteria import CRITERIA
from workbench.pruning.methods import METHODS
from workbench.pruning.recipe.rule import Rule
from workbench.training.learn import Driven
from workbench.training.learned.table import DRIVEN

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork
    from workbench.pruning.recipe.recipe import Recipe
    from workbench.pruning.report import PruneReport
    from workbench.training.learned.table import DrivenMethod


def run(
    model: Model,
    recipe: Annotated[
        Path | None, typer.Option(help="Recipe (YAML) to prune by.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="One method for all layers; see `methods`.")
    ] = None,
    sparsity: Annotated[
        float | None,
        typer.Option(help="Zeros / total for --method, 0..1; it finds parameters."),
    ] = None,
    macs: Annotated[
        float | None,
        typer.Option(help="Share of the dense MACs to keep for --method, 0..1."),
    ] = None,
    settings: Settings = None,
    match: Annotated[
        str, typer.Option(help="Layers that --method prunes: an id or a pattern.")
    ] = "*",
    seed: Annotated[int, typer.Option(min=0, help="Of random choices.")] = 0,
    data: Data = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the pruned weights here."),
    ] = None,
    shrink: Annotated[
        bool,
        typer.Option(
            "--shrink",
            help="Write the smaller network: channels that nobody reads are cut out.",
        ),
    ] = False,
    save_recipe: Annotated[
        Path | None, typer.Option(help="Write the recipe that was used here.")
    ] = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    as_json: AsJson = False,
) -> None:
    """Prune a network and say what was really removed.

    Criteria that look at images take the training split of the network's dataset.
    """
    given = {
        "--sparsity": sparsity,
        "--macs": macs,
        "--set": settings or None,
        "--match": None if match == "*" else match,
        "--seed": seed or None,
    }
    _check(recipe, method, [name for name, one in given.items() if one is not None])
    if shrink and output is None:
        raise WorkbenchError(
            "--shrink without --output",
            "a file to write the smaller network to",
            "Add -o FILE; without it pruning is only reported.",
        )
    network = load_network(model, weights, input_shape)
    if method is not None and method in DRIVEN and method not in METHODS:
        pruned = _converted(network, DRIVEN[method], given)
    else:
        used = (
            _recipe(network, method or "", given, data)
            if recipe is None
            else wb.Recipe.load(recipe)
        )
        names = [getattr(rule.params, "criterion", None) for rule in used.layers]
        pruned = wb.prune(network, used, _images(network, names, data))
    used = pruned.recipe
    if save_recipe is not None:
        used.save(save_recipe)
    written = wb.shrink(pruned) if shrink else pruned
    saved = None if output is None else wb.export(written, output).to_dict()
    facts = {
        "model": network.name,
        "recipe": used.dump(),
        "rules": [
            {
                "match": rule.match,
                "method": rule.method,
                "parameters": rule.params.model_dump(exclude_none=True),
            }
            for rule in used.layers
        ],
        "dense_macs": wb.layer_costs(network).dense_macs,
        "theoretical_macs": wb.layer_costs(pruned).macs,
        "report": _report(pruned.report),
        "export": saved,
    }
    record("prune", pruned, results={**facts["report"], "export": saved})
    if as_json:
        print_json(facts)
    else:
        _print(facts)


def _check(recipe: Path | None, method: str | None, given: list[str]) -> None:
    """Refuse options that contradict each other."""
    if (recipe is None) == (method is None):
        raise WorkbenchError(
            "both --recipe and --method" if recipe else "neither --recipe nor --method",
            "exactly one of them",
            "Write --recipe FILE, or --method magnitude --sparsity 0.8.",
        )
    if recipe is not None and given:
        raise WorkbenchError(
            f"both --recipe and {given[0]}",
            "what the recipe's rules state",
            "Write it into the recipe, or give --method instead.",
        )
    for other in ("--sparsity", "--match"):
        if "--macs" in given and other in given:
            raise WorkbenchError(
                f"both --macs and {other}",
                "one of them: --macs finds the strength over all layers",
                "Leave one out.",
            )


def _recipe(
    network: "Network", method: str, given: Mapping[str, Any], data: str | None
) -> "Recipe":
    """Return a recipe of one rule; a missing parameter is refused, never assumed."""
    params = parse_settings(given["--set"])
    seed, match = given["--seed"] or 0, given["--match"] or "*"
    if given["--macs"] is not None:
        images = _images(network, [params.get("criterion")], data)
        near = at_macs(
            network, method, given["--macs"], data=images, seed=seed, params=params
        )
        return near.recipe
    if given["--sparsity"] is not None:
        one = wb.Recipe.uniform(method, given["--sparsity"], match=match, **params)
        found: Recipe = one.model_copy(update={"seed": seed})
        return found
    recipe: Recipe = wb.Recipe(seed=seed, layers=(Rule.of(match, method, **params),))
    return recipe


def _converted(
    network: "Network", row: "DrivenMethod", given: Mapping[str, Any]
) -> "PrunedNetwork":
    """Return the network converted and pruned by a method that can without training.

    Raises
    ------
    WorkbenchError
        The method chooses while training, or an option is not one of its parameters.
    """
    if row.pruned is None:
        raise WorkbenchError(
            f"method '{row.name}', which chooses while it trains",
            "a method that prunes at once",
            f"Run: python -m workbench {row.run}",
        )
    for option in ("--macs", "--seed"):
        if given[option] is not None:
            raise WorkbenchError(
                f"{option} with method '{row.name}'",
                "--sparsity, --match and --set",
                "Leave it out.",
            )
    params = parse_settings(given["--set"])
    own = {"sparsity": given["--sparsity"], "match": given["--match"]}
    params |= {key: value for key, value in own.items() if value is not None}
    return row.pruned(network, Driven.of(row.name, **params).params)


def _images(
    network: "Network", criteria: list[str | None], data: str | None
) -> "Dataset | None":
    """Return training images if one of the criteria looks at any."""
    if any(row.needs_data for row in CRITERIA.values() if row.name in criteria):
        return load_data(network, data, "train")
    return None


def _print(facts: dict[str, Any]) -> None:
    report = facts["report"]
    print_table(
        f"{facts['model']} pruned",
        (
            "layer",
            "method",
            "weights",
            "zeros",
            "sparsity",
            "kernels removed",
            "filters removed",
            "note",
        ),
        [
            (
                row["id"],
                row["method"],
                row["weights"],
                row["zeros"],
                percent(row["sparsity"]),
                row["kernels_removed"],
                row["filters_removed"],
                row["note"],
            )
            for row in report["layers"]
        ],
    )
    for rule in facts["rules"]:
        values = ", ".join(f"{key} {one}" for key, one in rule["parameters"].items())
        print_line(f"rule: {rule['match']}: {rule['method']}, {values or 'nothing'}")
    print_line(
        f"removed: {report['zeros']:,} of {report['weights']:,} weights "
        f"({percent(report['sparsity'])}), {report['kernels_removed']:,} kernels, "
        f"{report['filters_removed']:,} filters"
    )
    share = facts["theoretical_macs"] / facts["dense_macs"]
    print_line(
        f"theoretical MACs: {facts['theoretical_macs']:,} of "
        f"{facts['dense_macs']:,} ({percent(share)})"
    )
    saved = facts["export"]
    if saved is not None:
        print_line(f"wrote {saved['path']} ({saved['bytes']:,} bytes, verified)")


def _report(report: "PruneReport") -> dict[str, Any]:
    """Return the report with stable keys."""
    layers = [asdict(row) | {"sparsity": row.sparsity} for row in report.layers]
    return {
        "weights": report.weights,
        "zeros": report.zeros,
        "sparsity": report.sparsity,
        "kernels_removed": report.kernels_removed,
        "filters_removed": report.filters_removed,
        "layers": layers,
    }
