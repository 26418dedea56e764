"""Sweeps as CSV files: Distiller's long form with our columns, and NNI's wide form.

Distiller writes one line a cell, ``parameter,sparsity,top1,top5,loss``, accuracies in
percent; its first five columns stand first here, in its units, and every further
column is ours. NNI (up to 2.10) writes one line a layer and one column a sparsity,
``layername,0.05,0.1,...``, one metric, 0..1.

Belongs here: reading and writing. Does not belong here: the values
(``sensitivity_rows``).
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench.analysis.sensitivity.rows import Base, Sweep, SweepRow
from workbench.errors import WorkbenchError
from workbench.reading import read_regular
from workbench.writing import write_whole

LONG = ("parameter", "sparsity", "top1", "top5", "loss")
DENSE = "dense"
WIDE = "layername"
_PERCENT = ("top1", "top5", "low", "high")
_ABOUT = ("model", "model_digest", "data", "data_digest", "split", "latency")
_OURS = (
    "method",
    "granularity",
    "layers",
    "reached",
    "n",
    "low",
    "high",
    "output_l2",
    "output_kl",
    "weights",
    "weights_removed",
    "kernels_removed",
    "filters_removed",
    "removed_nothing",
    "dense_macs",
    "macs",
    "executed_macs",
    "bytes",
    "layer_ms",
    "network_ms",
    "measured_ms",
    "note",
)
_TEXT = ("subject", "method", "granularity", "note")
_WHOLE = (
    "n",
    "weights",
    "weights_removed",
    "kernels_removed",
    "filters_removed",
    "dense_macs",
    "macs",
    "executed_macs",
    "bytes",
)


_MOST_COUNT = 2**63 - 1
_LIMITS = {"sparsity": 1.0, "reached": 1.0, **dict.fromkeys(_PERCENT, 100.0)}


def write_long(sweep: Sweep, path: str | os.PathLike[str]) -> None:
    """Write a sweep in Distiller's form; the first line is the dense network.

    Raises
    ------
    WorkbenchError
        The file cannot be written.
    """
    about = {name: getattr(sweep, name) for name in _ABOUT}
    base = {"parameter": DENSE, "sparsity": 0.0, **_percent(asdict(sweep.base))}
    lines = [base]
    for row in sweep.rows:
        values = _percent(row.to_dict())
        lines.append(
            {
                **values,
                "parameter": f"{row.subject}.weight",
                "layers": " ".join(row.layers),
                "removed_nothing": int(row.removed_nothing),
            }
        )
    buffer = io.StringIO()
    columns = (*LONG, *_OURS, *_ABOUT)
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**line, **about} for line in lines)
    write_whole(path, buffer.getvalue())


def write_wide(
    sweep: Sweep,
    path: str | os.PathLike[str],
    *,
    method: str | None = None,
    metric: str = "top1",
) -> None:
    """Write one metric of one method in NNI's form; cells without numbers are empty.

    Raises
    ------
    WorkbenchError
        Several methods and none named, a metric that rows do not have, or a file that
        cannot be written.
    """
    chosen = sweep.methods if method is None else (method,)
    if len(chosen) != 1 or chosen[0] not in sweep.methods:
        raise WorkbenchError(
            f"methods {', '.join(chosen)} for one wide table",
            "one of " + ", ".join(sweep.methods),
            "Name the method.",
        )
    if metric not in ("top1", "top5", "loss"):
        raise WorkbenchError(f"metric {metric!r}", "top1, top5 or loss", "Name one.")
    rows = [row for row in sweep.rows if row.method == chosen[0]]
    levels = sorted({row.sparsity for row in rows})
    at = {(row.subject, row.sparsity): getattr(row, metric) for row in rows}
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([WIDE, *(f"{level:g}" for level in levels)])
    for subject in dict.fromkeys(row.subject for row in rows):
        found = [at.get((subject, level)) for level in levels]
        writer.writerow([subject, *("" if v is None else repr(v) for v in found)])
    write_whole(path, buffer.getvalue())


def read_csv(path: str | os.PathLike[str], *, dense_top1: float | None = None) -> Sweep:
    """Return the sweep of a file in either form, ours or theirs.

    Parameters
    ----------
    path : str or path
        Distiller's long form, or NNI's wide form.
    dense_top1 : float, optional
        Accuracy of the dense network, 0..1, for a file without a line of sparsity 0.

    Returns
    -------
    Sweep
        What a file does not say is 0 or None; ``n`` 0 means an unknown number of
        images, with the interval 0..1.

    Raises
    ------
    WorkbenchError
        A file that cannot be read, of another form, or without the dense accuracy.
    """
    file = Path(path)
    try:
        text = read_regular(file).decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WorkbenchError(
            f"sweep '{file}' that cannot be read ({error})",
            "a CSV file",
            "Check the path.",
        ) from None
    lines = [line for line in lines if line]
    header = [name.strip() for name in lines[0]] if lines else []
    if header[:1] == [WIDE]:
        dense, rows = _wide(file, header, lines[1:])
        about: Mapping[str, str] = {}
    elif set(LONG[:3]) <= set(header):
        dense, rows, about = _long(file, header, lines[1:])
    else:
        raise WorkbenchError(
            f"'{file}' with the columns {', '.join(header) or '(none)'}",
            f"{','.join(LONG)} (Distiller) or {WIDE},0.1,... (NNI)",
            "Write it with: workbench sensitivity MODEL --csv FILE.",
        )
    if dense is None and dense_top1 is not None:
        dense = _base({"top1": dense_top1})
    if dense is None:
        raise WorkbenchError(
            f"'{file}' without a line of sparsity 0",
            "the dense network's accuracy",
            "Add such a line, or pass dense_top1.",
        )
    return Sweep(
        model=about.get("model", ""),
        model_digest=about.get("model_digest", ""),
        data=about.get("data", ""),
        data_digest=about.get("data_digest", ""),
        split=about.get("split", ""),
        latency=about.get("latency") or "none",
        base=dense,
        rows=tuple(rows),
    )


def _long(
    file: Path, header: Sequence[str], lines: Sequence[Sequence[str]]
) -> tuple[Base | None, list[SweepRow], Mapping[str, str]]:
    dense: Base | None = None
    rows: list[SweepRow] = []
    about: dict[str, str] = {}
    for number, line in enumerate(lines, start=2):
        try:
            texts = _cells(header, line)
            values = _values(texts)
        except ValueError as error:
            raise _bad_line(file, number, str(error)) from None
        about = about or {name: texts[name] for name in _ABOUT if name in texts}
        if values["sparsity"] == 0:
            dense = dense or _base(values)
        else:
            rows.append(_row(values))
    return dense, rows, about


def _wide(
    file: Path, header: Sequence[str], lines: Sequence[Sequence[str]]
) -> tuple[Base | None, list[SweepRow]]:
    dense: Base | None = None
    rows: list[SweepRow] = []
    for number, line in enumerate(lines, start=2):
        try:
            cells = list(_cells(header[1:], line[1:]).items())
        except ValueError as error:
            raise _bad_line(file, number, str(error)) from None
        for level, text in cells:
            if not text.strip():
                continue
            try:
                sparsity = _number(level, "sparsity")
                values = {"sparsity": sparsity, "top1": _number(text, "top1", most=1)}
            except ValueError as error:
                raise _bad_line(file, number, str(error)) from None
            if values["sparsity"] == 0:
                dense = dense or _base(values)
            else:
                rows.append(_row({**values, "subject": line[0].strip()}))
    return dense, rows


def _cells(header: Sequence[str], line: Sequence[str]) -> dict[str, str]:
    """Return a line by column; a line that was cut must not pass for a shorter one."""
    if len(line) != len(header) or len(set(header)) != len(header):
        raise ValueError(f"{len(line)} cells under {len(set(header))} columns")
    return dict(zip(header, line, strict=True))


def _number(text: str, name: str, *, most: float | None = None) -> float:
    """Return a finite number; a share 0..1, a percentage 0..100, others unlimited."""
    value = float(text)
    top = _LIMITS.get(name, math.inf) if most is None else most
    low = 0.0 if name in _LIMITS else -math.inf
    if not math.isfinite(value) or not low <= value <= top:
        raise ValueError(f"{name} {text}")
    return value


def _count(text: str, name: str) -> int:
    value = int(text)
    if not 0 <= value <= _MOST_COUNT:
        raise ValueError(f"{name} {text}")
    return value


def _values(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of one long line, in our names and units."""
    values: dict[str, Any] = {}
    lacking = [name for name in LONG[:3] if not texts[name].strip()]
    if lacking:
        raise ValueError(f"no {lacking[0]}")
    name = texts["parameter"].removeprefix("module.").removesuffix(".weight")
    for key, text in {**texts, "subject": name}.items():
        if key in _TEXT:
            values[key] = text
        elif key == "layers" and text:
            values[key] = tuple(text.split())
        elif key in _WHOLE and text:
            values[key] = _count(text, key)
        elif key in (*LONG[1:], *_OURS) and key not in ("layers", "removed_nothing"):
            values[key] = _number(text, key) if text else None
    n = values.get("n") or 0
    for key in _PERCENT:
        if values.get(key) is not None:
            values[key] = _share(values[key], n if key in ("top1", "top5") else 0)
    return values


def _share(percent: float, n: int) -> float:
    """Return a share of images; with their number exactly, as it was counted."""
    return round(percent * n / 100) / n if n else percent / 100


def _row(values: Mapping[str, Any]) -> SweepRow:
    subject = values["subject"]
    given = {k: v for k, v in values.items() if k != "measured_ms"}
    zeros = dict.fromkeys((name for name in _WHOLE if name != "executed_macs"), 0)
    unknown = {
        **zeros,
        "layers": (subject,),
        "method": "magnitude",
        "granularity": "element",
        "reached": values["sparsity"],
        "top5": 0.0,
        "loss": None,
        "low": 0.0,
        "high": 1.0,
        "output_l2": None,
        "output_kl": None,
    }
    return SweepRow(**{**unknown, **given})


def _base(values: Mapping[str, Any]) -> Base:
    names = Base.__dataclass_fields__
    unknown = {"top5": 0.0, "loss": 0.0, "n": 0, "low": 0.0, "high": 1.0}
    given = {k: v for k, v in values.items() if k in names and v is not None}
    return Base(**{**unknown, "macs": 0, "bytes": 0, **given})


def _percent(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: 100 * value if key in _PERCENT and value is not None else value
        for key, value in values.items()
    }


def _bad_line(file: Path, number: int, said: str) -> WorkbenchError:
    return WorkbenchError(
        f"'{file}' line {number} ({said})", "numbers", "Correct the line."
    )
