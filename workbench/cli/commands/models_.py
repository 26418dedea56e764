"""`workbench models`: the sample networks that come with the product."""

import workbench as wb
from workbench.cli.options import AsJson
from workbench.cli.output import percent, print_json, print_table


def run(as_json: AsJson = False) -> None:
    """List the sample networks with their data and accuracy."""
    rows = [sample.to_dict() for sample in wb.list_samples()]
    if as_json:
        print_json({"models": rows})
        return
    print_table(
        "Sample models",
        ("name", "dataset", "input", "weights", "top-1 (test)", "note"),
        [
            (
                row["name"],
                row["dataset"] or "-",
                "x".join(str(size) for size in row["input_shape"]),
                row["weights"],
                "-" if row["top1"] is None else f"{percent(row['top1'])} n={row['n']}",
                row["note"],
            )
            for row in rows
        ],
    )
