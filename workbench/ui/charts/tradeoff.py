"""Accuracy against latency: one dot a network, the Pareto front, a sweet spot.

Belongs here: the picture and which dots are on the front. Does not belong here:
measuring.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.format import millis, percent

# Room that a name takes, as shares of the picture's width and height.
NAME_WIDTH, NAME_HEIGHT = 0.1, 0.06
# How far above its dot a name is centred, and how near to a dot it may come.
NAME_LIFT, DOT_HEIGHT = 0.023, 0.045


@dataclass(frozen=True)
class Spot:
    """One network: its name, latency in ms, top-1 in 0..1, "dense" or "pruned"."""

    name: str
    ms: float
    top1: float
    kind: str = "pruned"


def timed_spots(
    rows: Mapping[str, Mapping[str, float]], top1: Mapping[str, float]
) -> list[Spot]:
    """Return a spot for each timed row; the one called "dense" is the baseline.

    Parameters
    ----------
    rows : mapping
        Name to a row with ``median_ms``.
    top1 : mapping of str to float
        Accuracy of the same names, 0..1.

    Examples
    --------
    >>> timed_spots({"dense": {"median_ms": 2.0}}, {"dense": 0.9})[0].kind
    'dense'
    """
    return [
        Spot(name, row["median_ms"], top1[name], name if name == "dense" else "pruned")
        for name, row in rows.items()
    ]


def front(spots: Sequence[Spot]) -> tuple[Spot, ...]:
    """Return the spots that no other beats in both time and accuracy, fastest first.

    Examples
    --------
    >>> a, b, c = Spot("a", 1, 0.9), Spot("b", 2, 0.95), Spot("c", 3, 0.92)
    >>> [spot.name for spot in front([a, b, c])]
    ['a', 'b']
    """
    found: list[Spot] = []
    for spot in sorted(spots, key=lambda one: (one.ms, -one.top1)):
        if not found or spot.top1 > found[-1].top1:
            found.append(spot)
    return tuple(found)


def sweet_spot(spots: Sequence[Spot], *, most_ms: float | None = None) -> Spot | None:
    """Return the most accurate network within a latency, or None if there is none."""
    fits = [spot for spot in spots if most_ms is None or spot.ms <= most_ms]
    return max(fits, key=lambda spot: (spot.top1, -spot.ms)) if fits else None


def heights(spots: Sequence[Spot]) -> list[float]:
    """Return where each name is written, in percent: none on a dot or another name.

    Names start right of their dots; those in the way of dots or of other names are
    pushed upwards.

    Examples
    --------
    >>> a, b, c = Spot("a", 1, 0.9), Spot("b", 1.01, 0.901), Spot("c", 2, 0.8)
    >>> [round(height, 2) for height in heights([a, b, c])]
    [90.32, 90.93, 80.0]
    """
    wide = NAME_WIDTH * (max(one.ms for one in spots) - min(one.ms for one in spots))
    tall = 100 * (max(one.top1 for one in spots) - min(one.top1 for one in spots))
    placed: dict[int, float] = {}
    for at in sorted(range(len(spots)), key=lambda one: spots[one].top1):
        found = 100 * spots[at].top1
        names = [
            (placed[one], NAME_HEIGHT * tall)
            for one in placed
            if abs(spots[one].ms - spots[at].ms) <= wide
        ]
        dots = [
            (100 * one.top1 - NAME_LIFT * tall, DOT_HEIGHT * tall)
            for one in spots
            if one is not spots[at] and 0 <= one.ms - spots[at].ms <= wide
        ]
        for taken, apart in sorted(names + dots):
            if abs(found - taken) < apart:
                found = taken + apart
        placed[at] = found
    return [placed[at] for at in range(len(spots))]


def tradeoff_figure(
    spots: Sequence[Spot], *, conditions: str, most_ms: float | None = None
) -> Figure:
    """Return the scatter with its front; a typed latency marks the sweet spot.

    Parameters
    ----------
    spots : sequence of Spot
        At least one.
    conditions : str
        Machine, threads, images.
    most_ms : float or None
        Latency that must be met; None marks nothing.
    """
    on_front = set(front(spots))
    best = None if most_ms is None else sweet_spot(spots, most_ms=most_ms)
    frame = pd.DataFrame(
        {
            "network": [spot.name for spot in spots],
            "ms": [spot.ms for spot in spots],
            "top1_percent": [100 * spot.top1 for spot in spots],
            "kind": [spot.kind for spot in spots],
            "on_front": [spot in on_front for spot in spots],
            "sweet_spot": [spot is best for spot in spots],
            "label_percent": heights(spots),
        }
    )
    colours = theme.palette()
    shade = alt.Color(
        "kind:N",
        legend=alt.Legend(title=None, orient="top"),
        scale=alt.Scale(
            domain=["dense", "pruned"], range=[colours.ours, colours.pruned]
        ),
    )
    x = alt.X(
        "ms:Q",
        title="latency of one image (ms)",
        axis=alt.Axis(tickCount=8),
        scale=alt.Scale(zero=False, padding=40),
    )
    y = alt.Y(
        "top1_percent:Q",
        title="top-1 accuracy (%)",
        # Room above the dots is no accuracy.
        axis=alt.Axis(tickCount=6, labelExpr="datum.value > 100 ? '' : datum.label"),
        scale=alt.Scale(zero=False, padding=18),
    )
    base = alt.Chart(frame).encode(x=x, y=y)
    line = (
        base.transform_filter("datum.on_front")
        .mark_line(interpolate="step-after", strokeWidth=2, color=colours.accent)
        .encode(order="ms:Q")
    )
    dots = base.mark_point(filled=True, size=120, opacity=1).encode(
        color=shade, tooltip=["network", "ms", "top1_percent", "on_front"]
    )
    # The same letters in the paper's colour beneath: the line stops around a name.
    halo = _names(base, colours.text, stroke=colours.paper, strokeWidth=4)
    chart = line + dots + halo + _names(base, colours.text)
    reading = (
        "One dot a network: up is more accurate, left is faster. The line is the "
        "Pareto front: whatever lies below and to the right of it is beaten in both."
    )
    if most_ms is not None:
        ring = base.transform_filter("datum.sweet_spot").mark_point(
            size=420, strokeWidth=3, color=colours.accent
        )
        limit = alt.Chart(pd.DataFrame({"ms": [most_ms]})).mark_rule(
            strokeDash=[5, 4], strokeWidth=2, color=colours.text
        )
        chart += ring + limit.encode(x="ms:Q")
        reading += (
            f" Nothing meets {millis(most_ms)}."
            if best is None
            else f" The ring is the sweet spot: the most accurate within "
            f"{millis(most_ms)}."
        )
    return Figure(
        name="accuracy-latency",
        title="Accuracy against latency",
        reading=reading,
        alt="; ".join(
            f"{spot.name} {millis(spot.ms)} {percent(spot.top1)}" for spot in spots
        ),
        chart=chart.properties(height=340),
        data=frame.drop(columns="label_percent"),
        conditions=conditions,
    )


def _names(base: alt.Chart, colour: str, **look: Any) -> alt.Chart:
    """Return the names, each right of its dot."""
    written: alt.Chart = base.mark_text(
        align="left", dx=9, dy=-7, color=colour, **look
    ).encode(y=alt.Y("label_percent:Q"), text="network:N")
    return written
