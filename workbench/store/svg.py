"""Line charts as SVG text, drawn by our own few lines: reports need no library.

Belongs here: axes, lines, marks, a legend. Does not belong here: what is charted
(``report``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 44
# Okabe & Ito 2008: distinguishable with every kind of colour blindness.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
_DASHES = ("", "6 3", "2 3", "8 3 2 3")


@dataclass(frozen=True)
class Line:
    """One line of a chart: its name and its points, by rising x."""

    name: str
    points: tuple[tuple[float, float], ...]


def chart(
    lines: Sequence[Line], *, x: str, y: str, title: str, level: float | None = None
) -> str:
    """Return a line chart as an SVG element.

    Parameters
    ----------
    lines : sequence of Line
        At least one point in all; points that are no finite numbers are left out.
    x, y, title : str
        Names of the axes with units; the title is the picture's text alternative.
    level : float, optional
        A horizontal line, such as the dense network's value.

    Examples
    --------
    >>> chart([Line("a", ((0.0, 1.0), (1.0, 2.0)))], x="s", y="v", title="t")[:4]
    '<svg'
    """
    points = [p for line in lines for p in line.points if _finite(p)]
    if not points:
        return f"<p>{escape(title)}: no values.</p>"
    xs = [p[0] for p in points]
    ys = [p[1] for p in points] + ([] if level is None else [level])
    x_ticks, y_ticks = ticks(min(xs), max(xs)), ticks(min(ys), max(ys))
    x_range = min(x_ticks[0], *xs), max(x_ticks[-1], *xs)
    y_range = min(y_ticks[0], *ys), max(y_ticks[-1], *ys)

    def at(point: tuple[float, float]) -> str:
        across = _LEFT + _share(point[0], x_range) * (WIDTH - _LEFT - _RIGHT)
        down = _TOP + (1 - _share(point[1], y_range)) * (HEIGHT - _TOP - _BOTTOM)
        return f"{across:.1f},{down:.1f}"

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg">'
    ]
    for tick in y_ticks:
        down = at((x_range[0], tick)).partition(",")[2]
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{down}" '
            f'y2="{down}"/><text x="{_LEFT - 6}" y="{down}" dy="4" '
            f'text-anchor="end">{tick:g}</text>'
        )
    for tick in x_ticks:
        across = at((tick, y_range[0])).partition(",")[0]
        parts.append(
            f'<text x="{across}" y="{HEIGHT - _BOTTOM + 16}" '
            f'text-anchor="middle">{tick:g}</text>'
        )
    if level is not None:
        start, end = at((x_range[0], level)), at((x_range[1], level))
        parts.append(f'<polyline class="level" points="{start} {end}"/>')
    for number, line in enumerate(lines):
        placed = [at(point) for point in line.points if _finite(point)]
        style = _style(number)
        parts.append(
            f'<polyline fill="none" {style} points="{" ".join(placed)}">'
            f"<title>{escape(line.name)}</title></polyline>"
        )
    parts.append(
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x)}'
        f'</text><text transform="translate(14 {HEIGHT / 2}) rotate(-90)" '
        f'text-anchor="middle">{escape(y)}</text></svg>'
    )
    return "".join(parts) + _legend(lines)


def ticks(low: float, high: float, *, about: int = 5) -> tuple[float, ...]:
    """Return round numbers that span a range.

    Examples
    --------
    >>> ticks(0.0, 0.95)
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """
    if high <= low:
        return (low, low + (abs(low) or 1.0))
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(at * step, 12) for at in range(first, last + 1))


def _legend(lines: Sequence[Line]) -> str:
    keys = [
        f'<li><svg viewBox="0 0 24 8" class="key" aria-hidden="true">'
        f'<line x1="0" x2="24" y1="4" y2="4" {_style(number)}/></svg>'
        f"{escape(line.name)}</li>"
        for number, line in enumerate(lines)
    ]
    return f'<ul class="legend">{"".join(keys)}</ul>'


def _style(number: int) -> str:
    colour = _COLOURS[number % len(_COLOURS)]
    dash = _DASHES[number // len(_COLOURS) % len(_DASHES)]
    return f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'


def _share(value: float, between: tuple[float, float]) -> float:
    low, high = between
    return (value - low) / (high - low) if high > low else 0.5


def _finite(point: tuple[float, float]) -> bool:
    return math.isfinite(point[0]) and math.isfinite(point[1])
