"""`workbench inspect`: the layer table of a network, pruned or not."""

import workbench as wb
from workbench.cli.options import (
    AsJson,
    InputShape,
    Model,
    RecipeFile,
    Weights,
    load_network,
    load_pruned,
)
from workbench.cli.output import percent, print_json, print_line, print_table


def run(
    model: Model,
    weights: Weights = None,
    input_shape: InputShape = None,
    recipe: RecipeFile = None,
    as_json: AsJson = False,
) -> None:
    """Show every layer: shape, parameters, MACs and sparsity."""
    network = load_network(model, weights, input_shape)
    costs = wb.layer_costs(load_pruned(network, recipe))
    rows = []
    for layer, cost in zip(network.layers, costs.layers, strict=True):
        rows.append(
            {
                "layer": layer.id,
                "kind": layer.kind,
                "weight_shape": list(layer.weight_shape),
                "stride": list(layer.stride),
                "groups": layer.groups,
                "output_shape": list(layer.output_shape),
                "weights": cost.weights,
                "nonzeros": cost.nonzeros,
                "sparsity": cost.sparsity,
                "dense_macs": cost.dense_macs,
                "theoretical_macs": cost.macs,
            }
        )
    if as_json:
        print_json(
            {
                "model": network.name,
                "input_shape": list(network.input_shape),
                "digest": network.digest,
                "dense_macs": costs.dense_macs,
                "theoretical_macs": costs.macs,
                "layers": rows,
            }
        )
        return
    print_table(
        f"{network.name}, input {'x'.join(map(str, network.input_shape))}",
        (
            "layer",
            "kind",
            "weight",
            "stride",
            "groups",
            "weights",
            "sparsity",
            "dense MACs",
            "share",
        ),
        [
            (
                row["layer"],
                row["kind"],
                "x".join(map(str, row["weight_shape"])),
                "x".join(map(str, row["stride"])),
                row["groups"],
                row["weights"],
                percent(row["sparsity"]),
                row["dense_macs"],
                percent(row["dense_macs"] / costs.dense_macs),
            )
            for row in rows
        ],
    )
    print_line(f"dense MACs {costs.dense_macs:,}, theoretical MACs {costs.macs:,}")
