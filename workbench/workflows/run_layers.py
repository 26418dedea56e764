"""Two runs layer by layer.

Belongs here: joining the layer rows that runs record. Does not belong here: the store,
the networks behind them (of a page: ``ui.services.run_networks``), drawing.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.workflows.profile_rows import MOVES

if TYPE_CHECKING:
    from workbench.store.run import Run


def layers_of(run: "Run") -> list[Mapping[str, Any]]:
    """Return the rows of the program that a run is about; [] where it timed none.

    A run that timed dense and pruned is about the pruned program.
    """
    found = run.results.get("layers") or run.results
    rows = found.get("rows", ()) if isinstance(found, Mapping) else ()
    rows = [
        row
        for row in rows
        if isinstance(row, Mapping) and "kernel" in row and row.get("op") not in MOVES
    ]
    sides = {row["weights"] for row in rows}
    wanted = "pruned" if "pruned" in sides else "dense"
    return [row for row in rows if row["weights"] == wanted]


def deltas(first: "Run", second: "Run") -> list[dict[str, Any]]:
    """Return one row a layer of either run: time, MACs and zeros of A, B and B - A."""
    one, other = _by_layer(layers_of(first)), _by_layer(layers_of(second))
    rows = []
    for layer in dict.fromkeys([*one, *other]):
        a, b = one.get(layer), other.get(layer)
        rows.append(
            {
                "layer": layer,
                "a_ms": _at(a, "ms"),
                "b_ms": _at(b, "ms"),
                "delta_ms": _minus(_at(b, "ms"), _at(a, "ms")),
                "a_sparsity": _sparsity(a),
                "b_sparsity": _sparsity(b),
                "a_macs": _millions(_at(a, "executed_macs")),
                "b_macs": _millions(_at(b, "executed_macs")),
                "a_spread": _spread(a),
                "b_spread": _spread(b),
                "a_kernel": _at(a, "kernel"),
                "b_kernel": _at(b, "kernel"),
            }
        )
    return rows


def _by_layer(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the steps of each layer as one: times and MACs add up."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["layer"] not in found:
            found[row["layer"]] = dict(row)
            continue
        mine = found[row["layer"]]
        for name in ("ms", "executed_macs", "theoretical_macs", "dense_macs"):
            mine[name] += row[name]
        if row["dense_macs"]:
            mine["kernel"] = row["kernel"]
    return found


def _at(row: Mapping[str, Any] | None, name: str) -> Any:
    return None if row is None else row[name]


def _minus(b: float | None, a: float | None) -> float | None:
    return None if a is None or b is None else b - a


def _millions(value: float | None) -> float | None:
    return None if value is None else value / 1e6


def _sparsity(row: Mapping[str, Any] | None) -> float | None:
    """Return 1 - theoretical over dense MACs; None where nothing is multiplied."""
    if row is None or not row["dense_macs"]:
        return None
    return 1 - float(row["theoretical_macs"]) / float(row["dense_macs"])


def _spread(row: Mapping[str, Any] | None) -> str | None:
    """Return p10 to p90 and the number of runs, where a row knows them."""
    if row is None or "p10_ms" not in row:
        return None
    return f"{row['p10_ms']:.4f} .. {row['p90_ms']:.4f} ms, n = {row['n']}"
