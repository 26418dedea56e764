"""Recorded runs as table rows, and two of them compared.

Belongs here: choosing what a person reads first. Does not belong here: the store.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import workbench as wb
from workbench.measure.bars import OURS_DENSE, OURS_PRUNED
from workbench.ui import conditions_text
from workbench.ui.charts.tradeoff import Spot
from workbench.ui.format import millis, percent
from workbench.workflows.headlines import headline

if TYPE_CHECKING:
    from workbench.store.run import Difference, Run

LIMIT = 200
_EVERYWHERE = '{match: "*", method: '


def newest() -> "tuple[Run, ...]":
    """Return the newest runs of this workspace."""
    found: tuple[Run, ...] = wb.Store().runs(limit=LIMIT)
    return found


def row_of(run: "Run") -> dict[str, Any]:
    """Return what the list shows of a run; None where it has no such number."""
    results = run.results
    head = headline(results)
    return {
        "id": run.id,
        "when": run.created[:19].replace("T", " "),
        "kind": run.kind,
        "status": run.status,
        "model": run.inputs.get("model"),
        "recipe": _short(run.inputs.get("recipe")) if "model" in run.inputs else "",
        "top1": None if head is None else head.found["top1"],
        "what": None if head is None else head.what,
        "sparsity": results.get("cost", {}).get("sparsity"),
        "pruned_ms": _median(results, OURS_PRUNED),
        "dense_ms": _median(results, OURS_DENSE),
    }


def accuracy_shown(run: "Run") -> str:
    """Return the conditions of a run's accuracy in words."""
    head = headline(run.results)
    if head is None:
        return "not measured."
    images = (run.inputs.get("dataset"), run.inputs.get("split"))
    said = conditions_text.accuracy(
        head.found, ", ".join(str(one) for one in images if one)
    )
    return f"{head.what.capitalize()}; {said}"


def time_shown(run: "Run") -> str:
    """Return the conditions of a run's time in words."""
    latency = run.results.get("latency", {})
    row = conditions_text.latency_row(latency, OURS_PRUNED)
    if row is None:
        return f"{run.results.get('line') or 'not measured'}."
    return conditions_text.time(row, str(latency.get("line", "machine not recorded")))


def title_of(run: "Run") -> str:
    """Return a line that tells a run from others: when, what, of which network."""
    row = row_of(run)
    said = [str(row["when"])[5:16], run.kind, str(row["model"] or ""), _label(row)]
    if row["top1"] is not None:
        said.append(percent(row["top1"]))
    if row["pruned_ms"] is not None:
        said.append(millis(row["pruned_ms"]))
    return " · ".join(part for part in said if part)


def compare(first: str, second: str) -> "tuple[Difference, ...]":
    """Return where two runs differ, without the raw samples and machine texts."""
    hidden = ("conditions.date", "load_1min", ".prepare_ms", "samples", ".line")
    found = wb.Store().compare(first, second)
    return tuple(one for one in found if not any(part in one.name for part in hidden))


def spots_of(found: "Sequence[Run]", model: str) -> tuple[Spot, ...]:
    """Return accuracy and latency of a model's trials, and of its dense network.

    The newest measurement of the dense network stands for it.
    """
    spots: list[Spot] = []
    dense: Spot | None = None
    for run in found:
        row = row_of(run)
        if run.kind != "trial" or row["model"] != model or run.status != "done":
            continue
        before = run.results.get("dense") or {}
        if dense is None and before and row["dense_ms"] is not None:
            dense = Spot("dense", row["dense_ms"], before["top1"], "dense")
        if row["top1"] is not None and row["pruned_ms"] is not None:
            spots.append(Spot(_label(row), row["pruned_ms"], row["top1"]))
    return tuple([dense, *spots] if dense is not None else spots)


def report(run_id: str) -> Callable[[], bytes]:
    """Return what makes a run's report, one HTML file that opens offline."""

    def make() -> bytes:
        from workbench.store.report import report_html

        store = wb.Store()
        return str(report_html(store.get(run_id), store.rows(run_id))).encode()

    return make


def _label(row: Mapping[str, Any]) -> str:
    """Return a few characters for a dot: the method and the sparsity."""
    recipe = str(row["recipe"])
    first = recipe.partition("method: ")[2] if "method: " in recipe else recipe
    method = first.partition(",")[0].strip("} ")
    zeros = "" if row["sparsity"] is None else percent(row["sparsity"], 0)
    return f"{method or 'dense'} {zeros}".rstrip()


def _median(results: Mapping[str, Any], name: str) -> float | None:
    row = conditions_text.latency_row(results.get("latency", {}), name)
    return None if row is None else float(row["median_ms"])


def _short(recipe: str | None) -> str:
    """Return the rules of a recipe in one line; "*" is not said."""
    if not recipe:
        return "dense"
    rules = [line.strip()[2:] for line in recipe.splitlines() if "match:" in line]
    return "; ".join(
        rule.removeprefix(_EVERYWHERE).removesuffix("}")
        if rule.startswith(_EVERYWHERE)
        else rule
        for rule in rules
    )
