"""A recorded run as one HTML page: nothing is fetched, so that it opens offline.

Belongs here: what a reader of a run looks for. Does not belong here: drawing lines
(``svg``), reading the store.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from workbench.store.run import Json, Run
from workbench.store.svg import Line, chart

_STYLE = """
:root { color-scheme: light dark; --line: #8886; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .75rem .25rem 0;
         text-align: left; }
.wide { overflow-x: auto; }
svg { width: 100%; max-width: 44rem; }
svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
svg .grid { stroke: var(--line); }
svg .level { stroke: currentColor; stroke-dasharray: 3 3; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap;
          gap: .25rem 1rem; }
svg.key { width: 1.5rem; height: .5rem; margin-right: .4rem; }
pre { overflow-x: auto; }
"""
_WORST = 8


def report_html(run: Run, rows: Mapping[str, Json]) -> str:
    """Return the report of a run as an HTML document.

    Parameters
    ----------
    run : Run
        What was done.
    rows : mapping of str to mapping
        Its partial results by key: sweep cells, training epochs.
    """
    title = f"{run.kind} of {run.inputs.get('model', 'a network')}"
    cells = [dict(row) for row in rows.values()]
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>Run {escape(run.id)}, {escape(run.status)}, begun "
        f"{escape(run.created)}.</p>",
        f"<p>{escape(run.error)}</p>" if run.error else "",
        "<h2>Results</h2>",
        _facts(_flat(run.results)),
        *_charts(cells),
        _cells(cells),
        "<h2>Conditions</h2>",
        _facts(_flat(run.inputs)),
        "<h2>Data</h2><details><summary>Everything as JSON</summary><pre>",
        escape(_json({"run": run.to_dict(), "rows": dict(rows)})),
        "</pre></details>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f"{''.join(body)}</main></body></html>\n"
    )


def _charts(cells: Sequence[dict[str, Any]]) -> list[str]:
    """Return charts of top-1 against sparsity, a method each, or against epochs."""
    sweep = [c for c in cells if "subject" in c and _number(c.get("top1"))]
    out = []
    for method in dict.fromkeys(cell["method"] for cell in sweep):
        mine = [c for c in sweep if c["method"] == method and c["weights_removed"]]
        lines = _by(mine, "subject", ("reached", "top1"))
        # The lines that fall lowest are the ones to look at.
        lines.sort(key=lambda line: min((p[1] for p in line.points), default=1.0))
        shown = lines[:_WORST]
        base = next((c["top1"] for c in cells if "measured_ms" in c), None)
        title = f"{method}: top-1 against sparsity, the most sensitive layers"
        out.append(
            f"<h2>{escape(title)}</h2><p>Each line is one layer (or coupling group) "
            f"pruned alone; dashed: the dense network. {len(shown)} of {len(lines)} "
            "are drawn, all are in the table.</p>"
            + chart(shown, x="zeros / weights", y="top-1", title=title, level=base)
        )
    epochs = [c for c in cells if _number(c.get("epoch"))]
    for name in ("loss", "val_top1"):
        points = tuple(
            (float(c["epoch"]), float(c[name])) for c in epochs if _number(c.get(name))
        )
        if points:
            title = f"{name} against epochs"
            drawn = chart([Line(name, points)], x="epoch", y=name, title=title)
            out.append(f"<h2>{escape(title)}</h2>{drawn}")
    return out


def _by(
    cells: Sequence[dict[str, Any]], name: str, axes: tuple[str, str]
) -> list[Line]:
    found: dict[str, list[tuple[float, float]]] = {}
    for cell in cells:
        point = float(cell[axes[0]]), float(cell[axes[1]])
        found.setdefault(str(cell[name]), []).append(point)
    return [Line(key, tuple(sorted(points))) for key, points in found.items()]


def _cells(cells: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a table with the columns that any of them has."""
    if not cells:
        return ""
    hidden = ("layers", "note", "granularity")
    names = [n for n in dict.fromkeys(n for c in cells for n in c) if n not in hidden]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    lines = "".join(
        "<tr>" + "".join(f"<td>{_text(cell.get(n))}</td>" for n in names) + "</tr>"
        for cell in cells
    )
    return (
        f'<h2>Rows</h2><div class="wide" tabindex="0"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{lines}</tbody></table></div>"
    )


def _facts(values: Mapping[str, Any]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{_text(value)}</td></tr>'
        for name, value in values.items()
    )
    return f'<div class="wide"><table>{lines}</table></div>'


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Return nested results as dotted names."""
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for key, inner in value.items():
            found.update(_flat(inner, f"{name}.{key}" if name else str(key)))
        return found
    if isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        return _flat(dict(enumerate(value)), name)
    return {name: value}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and "\n" in value:
        return f"<pre>{escape(value)}</pre>"
    return escape(str(value))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, default=str)
