"""`workbench models`: the sample networks that come with the product."""

from typing import TYPE_CHECKING, Any

import workbench as wb
from workbench.cli.options import AsJson
from workbench.cli.output import percent, print_json, print_table

if TYPE_CHECKING:
    from workbench.models.samples import Sample


def run(as_json: AsJson = False) -> None:
    """List the sample networks with their data and accuracy."""
    rows = [_row(sample) for sample in wb.list_samples()]
    if as_json:
        print_json({"models": rows})
        return
    print_table(
        "Sample models",
        ("name", "dataset", "input", "top-1 (test)", "note"),
        [
            (
                row["name"],
                row["dataset"] or "-",
                "x".join(str(size) for size in row["input_shape"]),
                "-" if row["top1"] is None else f"{percent(row['top1'])} n={row['n']}",
                row["note"],
            )
            for row in rows
        ],
    )


def _row(sample: "Sample") -> dict[str, Any]:
    """Return what the table and --json show of one sample."""
    test = sample.card().get("accuracy", {})
    return {
        "name": sample.name,
        "architecture": sample.architecture,
        "dataset": sample.dataset,
        "input_shape": list(sample.input_shape),
        "top1": test.get("top1"),
        "n": test.get("n"),
        "note": sample.note,
    }
