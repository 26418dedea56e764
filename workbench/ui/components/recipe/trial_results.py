"""What a trial found: accuracy three ways, size, work, and the three bars.

Belongs here: drawing a trial's parts, those that are known so far included. Does not
belong here: doing the trial (``workflows.trial``).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.ui import conditions_text
from workbench.ui.charts import frame
from workbench.ui.charts.accuracy import Dot, accuracy_figure
from workbench.ui.charts.latency import latency_figure
from workbench.ui.components.shared.tiles import tile
from workbench.ui.components.shared.verdict import verdicts
from workbench.ui.format import count, percent, points, ratio, short, size
from workbench.ui.glossary import tip
from workbench.workflows.headlines import headline

if TYPE_CHECKING:
    from workbench.jobs.job import JobView

Parts = Mapping[str, Mapping[str, Any]]
_NAMES = {"dense": "dense", "raw": "pruned, raw", "bn": "pruned, BN re-estimated"}


def trial_results(parts: Parts, *, key: str, data: str) -> None:
    """Draw tiles and charts of the parts that are there.

    Parameters
    ----------
    parts : mapping
        As ``run_trial`` makes them: cost, dense, raw, bn, layers, latency.
    key : str
        Prefix of the widget keys.
    data : str
        Name of the images, for the accuracy's conditions.
    """
    if not parts:
        return
    _tiles(parts, data)
    left, right = st.columns(2, gap="medium")
    with left:
        _accuracy(parts, key=key, data=data)
    with right:
        _latency(parts, key=key)
    if parts.get("latency"):
        verdicts(parts["latency"])


def trial_so_far(view: "JobView") -> None:
    """Draw what a trial that is running, or has just ended, knows."""
    parts = {row["part"]: row["value"] for row in view.rows}
    trial_results(parts, key="trial", data=str(view.spec["data"]))


def _tiles(parts: Parts, data: str) -> None:
    cost = parts.get("cost", {})
    columns = st.columns(4)
    with columns[0]:
        _accuracy_tile(parts, data)
    if cost:
        with columns[1]:
            tile(
                "Size sparse",
                size(cost["sparse_bytes"]),
                below=f"dense {size(cost['dense_bytes'])}, "
                f"{percent(cost['sparsity'])} zeros",
                help=f"{tip('size sparse')}\n\nDense: {tip('size dense')}",
            )
        executed = parts.get("layers", {}).get("executed_macs")
        macs = short(cost["theoretical_macs"])
        dense = f"{short(cost['dense_macs'])} dense"
        with columns[2]:
            tile(
                "Multiply-adds",
                macs if executed is None else short(executed),
                below=f"theoretical; {dense}"
                if executed is None
                else f"executed; {macs} theoretical, {dense}",
                help=f"Executed: {tip('executed MACs')}\n\nTheoretical: "
                f"{tip('theoretical MACs')}",
            )
    with columns[3]:
        _speed_tile(parts.get("latency", {}))


def _accuracy_tile(parts: Parts, data: str) -> None:
    head, dense = headline(parts), parts.get("dense")
    if head is None or not dense or "bn" not in parts:
        tile("Top-1 accuracy", "…", help=tip("top-1"))
        return
    best = head.found
    tile(
        head.label,
        percent(best["top1"]),
        change=points(best["top1"] - dense["top1"]),
        below=f"against dense, n = {count(best['n'])}",
        help="\n\n".join(
            (tip("top-1"), tip(head.what), conditions_text.accuracy(best, data))
        ),
    )


def _speed_tile(latency: Mapping[str, Any]) -> None:
    found = [one for one in latency.get("comparisons", ()) if "pruned" in one["name"]]
    if not found:
        tile("Speed-up", "…", help=tip("speed-up"))
        return
    first = found[0]
    text = "" if len(found) < 2 else f"; {ratio(found[1]['ratio'])} against torch"
    tile(
        "Speed-up by pruning",
        ratio(first["ratio"]),
        below=f"{first['verdict']}{text}",
        help=f"{tip('speed-up')}\n\nBaseline: {tip('our dense')}\n\n"
        + "\n\n".join(_timed(latency, name) for name in ("dense", "pruned")),
    )


def _timed(latency: Mapping[str, Any], weights: str) -> str:
    row = conditions_text.latency_row(latency, f"workbench {weights}")
    line = str(latency.get("line", "machine not recorded"))
    shown = conditions_text.time(row, line) if row else "no time."
    return f"{weights.capitalize()}: {shown}"


def _accuracy(parts: Parts, *, key: str, data: str) -> None:
    found = [(name, parts[name]) for name in _NAMES if "top1" in parts.get(name, {})]
    if not found:
        if "bn" in parts:
            st.info(
                "No images of this network's dataset on this machine, so that its "
                "accuracy is not measured. The page Model says how to get them.",
                icon=":material/info:",
            )
        return
    dots = [
        Dot(_NAMES[name], one["top1"], tuple(one["interval"]), one["n"])
        for name, one in found
    ]
    frame.show(
        accuracy_figure(dots, conditions=f"{data}, n = {count(dots[0].n)} images"),
        key=f"{key}-accuracy",
    )
    head = headline(parts)
    if head is not None and head.why:
        st.caption(f"The raw accuracy is the one to go by: {head.why}.")


def _latency(parts: Parts, *, key: str) -> None:
    latency = parts.get("latency")
    if not latency:
        return
    shown = [row for row in latency["rows"] if row["name"] != "torch pruned"]
    frame.show(latency_figure(shown, conditions=latency["line"]), key=f"{key}-latency")
