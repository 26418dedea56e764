"""`workbench methods`: pruning methods and criteria, with parameters and source."""

from typing import TYPE_CHECKING, Any

from workbench.cli.options import AsJson
from workbench.cli.output import print_json, print_line, print_table
from workbench.pruning.criteria import CRITERIA
from workbench.pruning.methods import METHODS
from workbench.training.learned.table import DRIVEN

if TYPE_CHECKING:
    from pydantic import BaseModel


def run(as_json: AsJson = False) -> None:
    """List the pruning methods: what each keeps, its parameters, its source."""
    methods: list[dict[str, Any]] = [
        {
            "name": row.name,
            "granularity": row.granularity,
            "keeps": row.keeps,
            "parameters": parameters(row.params),
            "source": row.source,
        }
        for row in METHODS.values()
    ]
    trained: list[dict[str, Any]] = [
        {
            "name": row.name,
            "keeps": row.keeps,
            "parameters": parameters(row.params),
            "source": row.source,
            "run": row.run,
        }
        for row in DRIVEN.values()
    ]
    criteria: list[dict[str, Any]] = [
        {
            "name": row.name,
            "meaning": row.meaning,
            "needs_data": row.needs_data,
            "source": row.source,
        }
        for row in CRITERIA.values()
    ]
    if as_json:
        print_json({"methods": methods, "trained": trained, "criteria": criteria})
        return
    print_table(
        "one-shot methods (prune MODEL --method NAME --set KEY=VALUE)",
        ("method", "granularity", "parameters", "keeps", "source"),
        [
            (
                row["name"],
                row["granularity"],
                _shown(row["parameters"]),
                row["keeps"],
                row["source"],
            )
            for row in methods
        ],
    )
    print_line()
    print_table(
        "methods that choose while training",
        ("method", "parameters", "keeps", "source"),
        [
            (row["name"], _shown(row["parameters"]), row["keeps"], row["source"])
            for row in trained
        ],
    )
    for row in trained:
        print_line(f"{row['name']}: python -m workbench {row['run']}")
    print_line()
    print_table(
        "criteria (--set criterion=NAME)",
        ("criterion", "a score is", "needs", "source"),
        [
            (
                row["name"],
                row["meaning"],
                "images" if row["needs_data"] else "",
                row["source"],
            )
            for row in criteria
        ],
    )
    print_line()
    print_line(
        "A rule for '*' leaves the first convolution and the classifier dense; "
        "name a layer to prune it."
    )


def parameters(model: "type[BaseModel]") -> list[dict[str, Any]]:
    """Return name, meaning, and default of every parameter; needed ones have none."""
    found = []
    for name, field in model.model_fields.items():
        needed = field.is_required()
        row = {"name": name, "needed": needed, "meaning": field.description}
        found.append(row | ({} if needed else {"default": field.default}))
    return found


def _shown(rows: list[dict[str, Any]]) -> str:
    """Return parameters as people write them; needed ones first as KEY=..."""
    return " ".join(
        f"{row['name']}=..." if row["needed"] else f"{row['name']}={_word(row)}"
        for row in rows
    )


def _word(row: dict[str, Any]) -> str:
    value = row["default"]
    if value is None:
        return "auto"
    return str(value).lower() if isinstance(value, bool) else str(value)
