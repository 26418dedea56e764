"""The table against other engines, out of the results of its rows.

Belongs here: reading results, picking rivals, Markdown. Does not belong here: measuring
(peers.py) or which rows there are (peer_rows.py).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peer_rows import (
    DATA_DRIVEN,
    DENSE_RIVAL,
    OUR_DENSE,
    OURS,
    ROWS,
    SPARSE_ENGINES,
    Floor,
    Row,
)

Result = Mapping[str, Any]
OUR_NAMES = (OURS, DATA_DRIVEN, OUR_DENSE)


def result_path(folder: Path, row: Row, threads: int) -> Path:
    """Return the file with a row's result."""
    return folder / f"{row.key.replace(':', '-')}-{threads}t.json"


def read(folder: Path, row: Row, threads: int) -> Result | None:
    """Return a row's result, or None when it was not measured yet."""
    path = result_path(folder, row, threads)
    return json.loads(path.read_text()) if path.is_file() else None


def layers_path(folder: Path) -> Path:
    """Return the file with the table of layers alone."""
    return folder / "layers.md"


def _layers(folder: Path) -> str:
    path = layers_path(folder)
    if not path.is_file():
        return ""
    _, _, table = path.read_text().partition("\n")
    return f"Layers alone, one thread\n\n{table.strip()}"


def times(result: Result, names: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Return the timed rows of these engines."""
    wanted = set(names)
    return {
        row["name"]: row
        for row in result["rows"]
        if row["name"] in wanted and row["median_ms"] is not None
    }


def rivals(result: Result, against: str) -> dict[str, Mapping[str, Any]]:
    """Return the timed rows that a floor is against."""
    if against == OUR_DENSE:
        return times(result, [OUR_DENSE])
    names = [row["name"] for row in result["rows"] if row["name"] not in OUR_NAMES]
    dense = result["weights"] == "dense"
    if against == DENSE_RIVAL and not dense:
        names = [name for name in names if name not in SPARSE_ENGINES]
    return times(result, names)


def best(found: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the name of the fastest."""
    return min(found, key=lambda name: found[name]["median_ms"], default=None)


def verdicts(folder: Path, threads: Sequence[int]) -> list[dict[str, Any]]:
    """Return one record for every floor and thread count."""
    return [
        _verdict(row, floor, count, read(folder, row, count))
        for row in ROWS
        for floor in row.floors
        for count in threads
    ]


def _verdict(
    row: Row, floor: Floor, threads: int, result: Result | None
) -> dict[str, Any]:
    record: dict[str, Any] = {
        "network": row.network,
        "weights": row.weights,
        "ours": floor.ours,
        "against": floor.against,
        "threads": threads,
        "floor": floor.ratio[threads],
        "rival": None,
        "ratio": None,
        "reached": None,
        "problem": None,
    }
    if result is None:
        return record | {"problem": "not measured"}
    mine = times(result, [floor.ours])
    others = rivals(result, floor.against)
    rival = best(others)
    if not mine or rival is None:
        return record | {"problem": result.get("problem") or "no time"}
    base, own = others[rival], mine[floor.ours]
    ratio = base["median_ms"] / own["median_ms"]
    return record | {
        "rival": rival,
        "rival_ms": base["median_ms"],
        "rival_min_ms": base["min_ms"],
        "ratio": ratio,
        "reached": ratio >= floor.ratio[threads],
        **{name: own[name] for name in ("median_ms", "p10_ms", "p90_ms", "n")},
    }


def markdown(folder: Path, threads: Sequence[int]) -> str:
    """Return the whole report: floors, every engine, what did not run, conditions."""
    found = {
        (row.key, count): result
        for row in ROWS
        for count in threads
        if (result := read(folder, row, count)) is not None
    }
    parts = [_floors(verdicts(folder, threads))]
    parts += [_engines(found, count) for count in threads]
    parts += [_layers(folder), _absences(found), _conditions(list(found.values()))]
    return "\n\n".join(part for part in parts if part) + "\n"


def published(folder: Path, threads: Sequence[int]) -> str:
    """Return what docs/measured shows: measured floors, engines, conditions."""
    records = [
        record
        for record in verdicts(folder, threads)
        if record["problem"] != "not measured"
    ]
    found = {
        (row.key, count): result
        for row in ROWS
        for count in threads
        if (result := read(folder, row, count)) is not None
    }
    parts = [_floors(records), *(_engines(found, count) for count in threads)]
    parts += [_layers(folder), _conditions(list(found.values()))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(cells) + " |" for cells in body]
    return "\n".join(lines)


def _floors(records: Sequence[Mapping[str, Any]]) -> str:
    head = (
        "network, weights",
        "threads",
        "ours: median (p10-p90) ms, n",
        "against",
        "its ms (min)",
        "ratio",
        "floor",
        "reached",
    )
    return _table(head, [_floor_cells(record) for record in records])


def _floor_cells(record: Mapping[str, Any]) -> list[str]:
    name = f"{record['network']} {record['weights']}"
    if record["ours"] != OURS:
        name += f", {record['ours']} kernels alone"
    cells = [name, str(record["threads"])]
    floor = f"{record['floor']:.1f}"
    if record["ratio"] is None:
        against = record["against"]
        return [*cells, "-", against, "-", record["problem"], floor, "-"]
    return [
        *cells,
        f"{record['median_ms']:.3g} ({record['p10_ms']:.3g}-{record['p90_ms']:.3g}), "
        f"{record['n']}",
        f"{record['against']}: {record['rival']}",
        f"{record['rival_ms']:.3g} ({record['rival_min_ms']:.3g})",
        f"{record['ratio']:.2f}",
        floor,
        "yes" if record["reached"] else "**no**",
    ]


def _engines(found: Mapping[tuple[str, int], Result], threads: int) -> str:
    """Return every engine's median, one line a row."""
    mine = {key: result for (key, count), result in found.items() if count == threads}
    names = list(
        dict.fromkeys(row["name"] for one in mine.values() for row in one["rows"])
    )
    if not names:
        return ""
    body = []
    for key, result in mine.items():
        by_name = {row["name"]: row for row in result["rows"]}
        body.append([key, *(_median(by_name.get(name)) for name in names)])
    title = f"Every engine, {threads} thread{'s' if threads > 1 else ''}: median ms"
    return f"{title}\n\n" + _table(("network:weights", *names), body)


def _median(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    return "refused" if row["median_ms"] is None else f"{row['median_ms']:.3g}"


def _absences(found: Mapping[tuple[str, int], Result]) -> str:
    """Return who did not take part where, and why; equal reasons once."""
    where: dict[str, list[str]] = {}
    for (key, threads), result in found.items():
        shown = [f"{row['name']}: {row['refused']}" for row in result["rows"]
                if row["refused"]]  # fmt: skip
        shown += [f"{one['name']}: {one['reason']}" for one in result["absent"]]
        shown += [f"{name}: {why}" for name, why in result.get("left_out", {}).items()]
        shown += [f"warning: {result['warning']}"] if result.get("warning") else []
        shown += [f"the row: {result['problem']}"] if result.get("problem") else []
        for text in shown:
            where.setdefault(text, []).append(f"{key} ({threads})")
    return "\n".join(f"* {text} [{', '.join(rows)}]" for text, rows in where.items())


def _conditions(results: Sequence[Result]) -> str:
    shown = [result["conditions"] for result in results if result.get("conditions")]
    if not shown:
        return ""
    versions = {name: text for one in shown for name, text in one["versions"].items()}
    dates = sorted(one["date"] for one in shown)
    loads = [one["load_1min"] for one in shown]
    listed = ", ".join(f"{name} {text}" for name, text in sorted(versions.items()))
    return (
        f"{shown[0]['cpu']}, {shown[0]['isa']}; batch 1, fp32, each process pinned to "
        f"as many cores as threads; "
        f"{dates[0]} to {dates[-1]}, load {min(loads):.2f} to "
        f"{max(loads):.2f}; {listed}."
    )
