"""`workbench inspect`: the layer table of a network, pruned or not, and its costs."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

import workbench as wb
from workbench.analysis.cost.roofline import RoofRow, roofline
from workbench.analysis.cost.separable import rivals
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
from workbench.cli.output import percent, print_json, print_line, print_table
from workbench.engine.noise import noise_image
from workbench.measure.machine import this_machine
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork


def run(
    model: Model,
    weights: Weights = None,
    input_shape: InputShape = None,
    recipe: RecipeFile = None,
    cost: Annotated[
        bool, typer.Option("--cost", help="Compile and time it: the cost model.")
    ] = False,
    bits: Annotated[
        str | None, typer.Option(help="With --cost: bytes at so many bits a weight.")
    ] = None,
    threads: Threads = 1,
    rival_of: Annotated[
        str | None,
        typer.Option("--rivals", help="HetConv and its rivals for this layer."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show every layer: shape, parameters, MACs and sparsity.

    With --cost: dense, theoretical and executed MACs, bytes, intensity, the place
    under the roofline, and measured ms, layer by layer.
    """
    network = load_network(model, weights, input_shape)
    if rival_of is not None:
        _rivals(network, rival_of, as_json)
        return
    pruned = load_pruned(network, recipe)
    if cost:
        _cost(pruned, bits, threads, as_json)
        return
    costs = wb.layer_costs(pruned)
    rows = []
    for layer, paper in zip(network.layers, costs.layers, strict=True):
        rows.append(
            {
                "layer": layer.id,
                "kind": layer.kind,
                "weight_shape": list(layer.weight_shape),
                "stride": list(layer.stride),
                "groups": layer.groups,
                "output_shape": list(layer.output_shape),
                "calls": layer.calls,
                "weights": paper.weights,
                "nonzeros": paper.nonzeros,
                "sparsity": paper.sparsity,
                "dense_macs": paper.dense_macs,
                "theoretical_macs": paper.macs,
            }
        )
    if as_json:
        print_json(
            {
                "model": network.name,
                "input_shape": list(network.input_shape),
                "inputs": {k: list(v) for k, v in network.input_shapes.items()},
                "outputs": list(network.outputs),
                "notes": list(network.notes),
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
    if len(network.input_shapes) > 1:
        print_line("inputs: " + ", ".join(network.input_shapes))
    if len(network.outputs) > 1:
        print_line("outputs: " + ", ".join(network.outputs))
    shared = [layer for layer in network.layers if layer.calls > 1]
    if shared:
        named = ", ".join(f"{layer.id} ({layer.calls})" for layer in shared)
        print_line(f"layers that run several times, MACs over all calls: {named}")
    for note in network.notes:
        print_line(f"note: {note}")


def _cost(
    net: Network | PrunedNetwork, bits: str | None, threads: int, as_json: bool
) -> None:
    """Print the cost model of a network: paper, program and clock side by side."""
    compressed = {}
    if bits is not None:
        from workbench.compression.stages import layer_sizes

        compressed = {
            row.id: row.table_bytes + row.code_bytes + row.gap_bytes
            for row in layer_sizes(wb.compress(net, bits))
        }
    costs = wb.layer_costs(net)
    # Refuses what is too large before an image of that size is made.
    program = wb.compile(net, threads=threads)
    machine = this_machine(threads)
    profile = program.profile(noise_image(net.input_shape))
    rows = roofline(costs, profile, machine, compressed=compressed)
    if as_json:
        print_json(
            {
                "model": net.name,
                "threads": threads,
                "peak_gmacs": machine.peak_gmacs,
                "bandwidth_gbs": machine.bandwidth_gbs,
                "total_ms": profile.total_ms,
                "layers": [_facts(row) for row in rows],
            }
        )
        return
    names = tuple(_facts(rows[0]))
    print_table(
        f"{net.name}, {threads} thread(s)",
        tuple(name.replace("_", " ") for name in names),
        [
            [_short(value) for value in facts.values()]
            for facts in (_facts(row) for row in rows)
        ],
    )
    print_line(
        f"roofs: {machine.peak_gmacs:.1f} GMAC/s and {machine.bandwidth_gbs:.1f} GB/s "
        f"meet at {machine.ridge:.1f} MACs a byte; what stays in the caches may pass "
        f"the memory roof. Whole program {profile.total_ms:.3f} ms."
    )


def _facts(row: RoofRow) -> dict[str, Any]:
    """Return one layer's costs with stable keys."""
    return {
        "layer": row.cost.id,
        "dense_macs": row.cost.dense_macs,
        "theoretical_macs": row.cost.macs,
        "executed_macs": row.executed_macs,
        "params": row.cost.params,
        "dense_bytes": row.cost.dense_bytes,
        "sparse_bytes": row.cost.sparse_bytes,
        "compressed_bytes": row.compressed_bytes,
        "activation_bytes": row.cost.activation_bytes,
        "macs_per_byte": row.intensity,
        "bound": row.bound,
        "gmacs_per_s": row.rate_gmacs,
        "of_roof": row.of_roof,
        "ms": row.ms,
    }


def _short(value: Any) -> Any:
    return f"{value:.3g}" if isinstance(value, float) else value


def _rivals(network: Network, layer_id: str, as_json: bool) -> None:
    """Print HetConv, depthwise and groupwise layers in the place of one layer."""
    layer = network.layer(layer_id)
    inputs = layer.weight_shape[1]
    parts = tuple(p for p in (2, 4, 8, 16, 32, 64) if inputs % p == 0)
    rows = rivals(layer, parts=parts, groups=tuple(g for g in (4,) if inputs % g == 0))
    facts = [asdict(row) for row in rows]
    if as_json:
        print_json({"model": network.name, "layer": layer_id, "rivals": facts})
        return
    print_table(
        f"{network.name} {layer_id}: {'x'.join(map(str, layer.weight_shape))}",
        ("built as", "formula", "share", "MACs", "weights", "in a row"),
        [
            (
                row.name,
                row.formula,
                percent(row.share),
                row.macs,
                row.weights,
                row.latency,
            )
            for row in rows
        ],
    )
