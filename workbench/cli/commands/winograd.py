"""`workbench winograd`: matrices, operation counts, errors and fill-in of F(m, r)."""

from dataclasses import asdict
from fractions import Fraction
from typing import Annotated, Any

import typer

from workbench.cli.options import (
    AsJson,
    InputShape,
    RecipeFile,
    Weights,
    load_network,
    load_pruned,
)
from workbench.cli.output import percent, print_json, print_line, print_table
from workbench.cli.workspace import record
from workbench.errors import WorkbenchError

_DIMENSIONS = (1, 2, 3)
_CANDIDATES = tuple(Fraction(n, 8) for n in (2, 4, 5, 8, 12, 16, 32))
"""Sizes of the pairs of points that are compared."""
_SHOWN_SETS = 8


def run(
    model: Annotated[
        str | None, typer.Argument(help="Also study this network's own weights.")
    ] = None,
    m: Annotated[int, typer.Option("--m", min=1, help="Outputs of a tile.")] = 4,
    r: Annotated[int, typer.Option("--r", min=1, help="Taps of the kernel.")] = 3,
    points: Annotated[
        str | None, typer.Option(help="Finite points, e.g. 0,1,-1,2,-1/2.")
    ] = None,
    largest: Annotated[
        int, typer.Option(min=2, help="Largest tile size of the error tables.")
    ] = 8,
    layer: Annotated[str | None, typer.Option(help="Only this layer.")] = None,
    weights: Weights = None,
    input_shape: InputShape = None,
    recipe: RecipeFile = None,
    as_json: AsJson = False,
) -> None:
    """Print the exact matrices of F(m, r), what they cost and how exact they are."""
    from workbench.analysis.algorithms.winograd import (
        error_by_tile,
        op_counts,
        random_weight,
        rank_points,
    )
    from workbench.analysis.algorithms.winograd_study import (
        as_text,
        computes_correlation,
        error_in,
        study,
    )
    from workbench.engine.winograd.cook_toom import cook_toom

    transform = cook_toom(m, r, _points(points))
    sizes = [size for size in range(2, largest + 1) if size + r >= 3]
    facts: dict[str, Any] = {
        "m": m,
        "r": r,
        "points": [str(point) for point in transform.points],
        "at": as_text(transform.at),
        "g": as_text(transform.g),
        "bt": as_text(transform.bt),
        "computes_correlation": computes_correlation(transform),
        "operations": [
            {**asdict(counts), "saving": counts.saving}
            for counts in (op_counts(transform, dims=dims) for dims in _DIMENSIONS)
        ],
        "errors_by_dimension": [
            {"dims": dims, **asdict(error_in(transform, dims))} for dims in _DIMENSIONS
        ],
        "errors_random": [
            {"m": row.m, **asdict(row.error)}
            for row in error_by_tile(random_weight(16, 32, size=r), sizes)
        ],
    }
    if (m + r) % 2:
        ranked = rank_points(m, _CANDIDATES, weight=random_weight(8, 16, size=r))
        facts["point_sets"] = [
            {"points": [str(p) for p in row.points], **asdict(row.error)}
            for row in ranked[:_SHOWN_SETS]
        ]
    if model is not None:
        network = load_pruned(load_network(model, weights, input_shape), recipe)
        rows = study(network, sizes, layers=None if layer is None else [layer])
        facts["model"] = network.name
        facts["layers"] = [_layer_facts(row) for row in rows]
        asked = {"m": m, "r": r, "points": points, "largest": largest, "layer": layer}
        record("winograd", network, results=facts, more=asked)
    elif recipe is not None or layer is not None or weights is not None:
        raise WorkbenchError(
            "--recipe, --layer or --weights without a model",
            "a model whose weights are studied",
            "Name it: python -m workbench winograd MODEL --recipe FILE",
        )
    if as_json:
        print_json(facts)
    else:
        _print(facts)


def _points(text: str | None) -> tuple[Fraction, ...] | None:
    if text is None:
        return None
    try:
        return tuple(Fraction(part.strip()) for part in text.split(","))
    except (ValueError, ZeroDivisionError) as error:
        raise WorkbenchError(
            f"--points {text!r}", "numbers such as 0,1,-1,1/2", "Correct them."
        ) from error


def _layer_facts(row: Any) -> dict[str, Any]:
    return {
        "layer": row.id,
        "r": row.size,
        "errors": [{"m": m, **asdict(error)} for m, error in row.errors],
        "fill_in": [asdict(fill) for fill in row.fills],
    }


def _print(facts: dict[str, Any]) -> None:
    print_line(f"F({facts['m']}, {facts['r']}), points {', '.join(facts['points'])}")
    for title, name in (("A^T", "at"), ("G", "g"), ("B^T", "bt")):
        matrix = facts[name]
        wide = max(len(entry) for row in matrix for entry in row)
        print_line(title)
        for row in matrix:
            print_line("  " + " ".join(entry.rjust(wide) for entry in row))
    verdict = "equals" if facts["computes_correlation"] else "does NOT equal"
    print_line(f"A^T[(G g) * (B^T d)] {verdict} the correlation, in exact numbers")
    print_table(
        "operations of one tile, and float32 error on random data",
        ("dims", "multiplies", "direct", "saving", "in", "out", "weights", "rms error"),
        [
            (
                counts["dims"],
                counts["multiplies"],
                counts["direct_multiplies"],
                f"{counts['saving']:.2f}",
                counts["input_ops"],
                counts["output_ops"],
                f"{counts['weight_ratio']:.2f}",
                f"{error['rms']:.2e}",
            )
            for counts, error in zip(
                facts["operations"], facts["errors_by_dimension"], strict=True
            )
        ],
    )
    _print_errors("error on random weights", facts["errors_random"])
    if "point_sets" in facts:
        print_table(
            "point sets by measured error: 0 and these pairs, +-",
            ("points", "rms", "largest"),
            [
                (" ".join(s["points"][1::2]), f"{s['rms']:.2e}", f"{s['largest']:.2e}")
                for s in facts["point_sets"]
            ],
        )
    for row in facts.get("layers", []):
        _print_layer(row)


def _print_errors(title: str, errors: list[dict[str, Any]]) -> None:
    print_table(
        f"{title}, against float64, by tile size",
        ("m", "rms", "largest"),
        [(row["m"], f"{row['rms']:.2e}", f"{row['largest']:.2e}") for row in errors],
    )


def _print_layer(row: dict[str, Any]) -> None:
    rows = zip(row["errors"], row["fill_in"], strict=True)
    print_table(
        f"{row['layer']}, {row['r']}x{row['r']}: its own weights",
        ("m", "rms", "largest", "zeros before", "zeros after", "multiplies left"),
        [
            (
                error["m"],
                f"{error['rms']:.2e}",
                f"{error['largest']:.2e}",
                percent(fill["spatial_sparsity"]),
                percent(fill["winograd_sparsity"]),
                f"{fill['multiplies']:.2f}",
            )
            for error, fill in rows
        ],
    )
