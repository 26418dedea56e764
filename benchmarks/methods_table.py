"""The Markdown of `benchmarks.methods`' file: one table a MACs target."""

from statistics import median
from typing import Any

SLOW = 1.25
COLUMNS = (
    "method",
    "MACs",
    "raw",
    "BN",
    "tuned",
    "executed MACs",
    "ms (p10-p90)",
    "dense / ms",
    "KB",
    "weights / kernels / filters removed",
)


def markdown(book: dict[str, Any]) -> str:
    """Return the tables, with what all rows share above them."""
    run, dense = book["run"], book["dense"]
    low, high = (100 * bound for bound in dense["interval"])
    lines = [
        "# Methods at equal MACs",
        "",
        "Made by `python -m benchmarks.methods` and printed by `--table`.",
        "",
        f"{run['network']}, seed {run['seed']}, {run['images']} test images; dense: "
        f"top-1 {100 * dense['top1']:.1f} % ({low:.1f}-{high:.1f}), "
        f"{run['dense_macs'] / 1e6:.2f} M MACs, {run['dense_bytes'] / 1024:.0f} KB.",
    ]
    conditions = book.get("conditions")
    if conditions:
        versions = ", ".join(f"{k} {v}" for k, v in conditions["versions"].items())
        lines.append(f"{conditions['cpu']}, 1 thread; {versions}.")
    lines.append(tuning_line(book))
    lines.append(
        "MACs are non-zero weights x pixels; executed MACs fall below where Winograd "
        "was faster and rise above where a dense kernel was. KB: non-zeros and one bit "
        "a weight, or the smaller dense network. BN: statistics re-estimated, 2000 "
        "training images. Winograd: weights and MACs in the domain of F(2, 3), where "
        "the dense network already has less than half. Trained, gates: the method "
        "first trained with its penalty for as long as tuning takes, and raw is right "
        "after its cut; all other rows start from the loaded weights. A row without "
        "accuracies has no setting within 3 points of the target. A dash: not tuned, "
        "not timed."
    )
    cells = list(book["cells"].values())
    for target in sorted({cell["target"] for cell in cells}, reverse=True):
        lines += ["", f"**{100 * target:g} % of the dense MACs**", ""]
        lines += ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
        rows = [cell for cell in cells if cell["target"] == target]
        rows.sort(key=best, reverse=True)
        bad = [book["cells"][key] for key in disturbed(book)]
        lines += [row(cell, run["dense_macs"], cell in bad) for cell in rows]
    return "\n".join(lines)


def disturbed(book: dict[str, Any]) -> list[str]:
    """Return the cells without a time, or whose time something else disturbed.

    That is: a wide spread, or a slow dense program beside them. The dense program is
    the same in every cell: where it took a quarter longer than in the median cell,
    something else was running.
    """
    timed = {key: one for key, one in book["cells"].items() if "dense_ms" in one}
    known = [one["dense_ms"] for one in timed.values() if one["dense_ms"]]
    limit = SLOW * median(known) if known else 0.0
    return untimed(book) + [
        key
        for key, one in timed.items()
        if one["warning"] or (one["dense_ms"] or 0.0) > limit
    ]


def untimed(book: dict[str, Any]) -> list[str]:
    """Return the cells that have an accuracy and no time yet."""
    cells = book["cells"]
    return [key for key in cells if "raw" in cells[key] and "time" not in cells[key]]


def tuning_line(book: dict[str, Any]) -> str:
    found = {
        tuple(cell["tuning"].items())
        for cell in book["cells"].values()
        if "tuning" in cell
    }
    texts = [", ".join(f"{key} {value}" for key, value in one) for one in sorted(found)]
    return "Fine-tuning: " + ("; ".join(texts) if texts else "none") + "."


def best(cell: dict[str, Any]) -> float:
    """Return the accuracy that a row is sorted by; rows without any come last."""
    for key in ("tuned", "bn"):
        if key in cell:
            return float(cell[key]["top1"])
    return -1.0


def row(cell: dict[str, Any], dense_macs: int, busy: bool) -> str:
    share = f"{100 * cell['share']:.1f} %"
    if "raw" not in cell:
        reason = f"nearest is {share}, least {100 * cell['least']:.1f} %"
        return f"| {cell['variant']} | {reason} |" + " |" * (len(COLUMNS) - 2)
    time = cell.get("time")
    if time is None:
        shown, ratio = "-", "-"
    elif time["refused"]:
        shown, ratio = f"refused: {time['refused']}", "-"
    else:
        mark = " (disturbed)" if busy else ""
        shown = f"{time['median_ms']:.3f} ({time['p10_ms']:.3f}-{time['p90_ms']:.3f})"
        shown += mark
        ratio = f"{time['ratio']:.2f} ({time['ratio_lo']:.2f}-{time['ratio_hi']:.2f})"
    removed = (
        f"{cell['weights_removed']:,} / {cell['kernels_removed']:,} / "
        f"{cell['filters_removed']:,}"
    )
    values = [cell["variant"], share]
    values += [percent(cell.get(key)) for key in ("raw", "bn", "tuned")]
    values += [
        executed(cell, dense_macs),
        shown,
        ratio,
        f"{cell['bytes'] / 1024:.0f}",
        removed,
    ]
    return "| " + " | ".join(values) + " |"


def executed(cell: dict[str, Any], dense_macs: int) -> str:
    found = cell.get("executed_macs")
    return "-" if found is None else f"{100 * found / dense_macs:.1f} %"


def percent(accuracy: dict[str, Any] | None) -> str:
    return "-" if accuracy is None else f"{100 * accuracy['top1']:.1f} %"
