"""Writes what the documents say of the code: reference pages, the picture of imports.

    python -m docs.generate            # writes
    python -m docs.generate --check    # 1 and the names of pages that no longer fit

Belongs here: pages that are made of tables in the code. Does not belong here: prose.
"""

import argparse
import ast
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import typer

import workbench
from workbench.cli.commands.methods import parameters
from workbench.cli.main import build
from workbench.pruning.criteria import CRITERIA
from workbench.pruning.methods import METHODS
from workbench.pruning.recipe.recipe import Recipe
from workbench.training.learned.table import DRIVEN
from workbench.ui.glossary import GLOSSARY

DOCS = Path(__file__).parent
PACKAGE = DOCS.parent / "workbench"
START, END = "<!-- picture: packages -->\n", "<!-- end -->"


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a Markdown table."""
    names = list(head)
    lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def api() -> str:
    """Return every public name, by the package that defines it."""
    parts = ["# Python\n\nAll public names, as `import workbench as wb` has them.\n"]
    for name, home in workbench._HOME.items():
        parts.append(f"## wb.{name}\n\n::: workbench.{home}.{name}\n")
    for name in workbench._CALLABLE_PACKAGES:
        home = {"export": "export.export", "measure": "measure.interleave"}[name]
        parts.append(f"## wb.{name}\n\n::: workbench.{home}.{name}\n")
    return "\n".join(parts)


def commands() -> str:
    """Return every command with its arguments and options."""
    group: Any = typer.main.get_command(build())
    parts = [
        "# Command line\n\n`workbench COMMAND --help` says the same. Exit codes: 0 "
        "done, 1 the check failed, 2 wrong use, 3 a defect of ours. `--json` prints "
        "what the table says under stable keys.\n"
    ]
    for name, command in group.commands.items():
        rows = [
            (f"`{_spelled(one)}`", getattr(one, "help", "") or "", _default(one))
            for one in command.params
        ]
        text = (command.help or "").strip().partition("\n")[0]
        parts.append(f"## {name}\n\n{text}\n\n" + table(("", "what", "default"), rows))
    return "\n".join(parts)


def _spelled(one: Any) -> str:
    if one.param_type_name == "argument":
        return str(one.name).upper()
    return ", ".join([*one.opts, *one.secondary_opts])


def _default(one: Any) -> str:
    value = one.default
    shown = value is not None and value is not False and not callable(value)
    return f"`{value}`" if shown and str(value) != "" else ""


def recipe() -> str:
    """Return the recipe's keys, every method with its parameters, every criterion."""
    keys = [
        (f"`{key}`", _type(field.annotation), field.description or "")
        for key, field in Recipe.model_fields.items()
    ]
    parts = [
        "# Recipes\n\nA YAML file. Unknown keys, rules that match no layer and "
        "impossible values are refused by name and line. The last rule that matches a "
        "layer decides; "
        "a wildcard never reaches the first convolution and the classifier.\n",
        table(("key", "type", ""), keys),
        "## Methods\n\nOne-shot: `{match: PATTERN, method: NAME, PARAMETER: VALUE}`.\n",
        table(
            ("method", "granularity", "keeps", "parameters", "source"), _rows(METHODS)
        ),
        "## Methods that choose while training\n\n`workbench train --method NAME`.\n",
        table(("method", "keeps", "parameters", "source"), _rows(DRIVEN)),
        "## Criteria\n",
        table(
            ("criterion", "meaning", "needs images", "source"),
            [
                (f"`{c.name}`", c.meaning, "yes" if c.needs_data else "no", c.source)
                for c in CRITERIA.values()
            ],
        ),
    ]
    return "\n".join(parts)


def _type(annotation: Any) -> str:
    return f"`{getattr(annotation, '__name__', str(annotation))}`"


def _rows(methods: Mapping[str, Any]) -> list[tuple[str, ...]]:
    found = []
    for row in methods.values():
        message = ", ".join(
            f"`{p['name']}={p.get('default', '...')}`" for p in parameters(row.params)
        )
        granularity = (row.granularity,) if hasattr(row, "granularity") else ()
        found.append((f"`{row.name}`", *granularity, row.keeps, message, row.source))
    return found


def glossary() -> str:
    """Return the words of the page's tooltips."""
    rows = [(t.name, t.meaning, f"`{t.formula}`" if t.formula else "")
            for t in GLOSSARY.values()]  # fmt: skip
    return "# Words\n\nWhat the page's tooltips say.\n\n" + table(
        ("word", "meaning", "formula"), rows
    )


def package_imports() -> dict[str, set[str]]:
    """Return package -> packages of the workbench that it imports at run time."""
    names = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    found: dict[str, set[str]] = {name: set() for name in sorted(names)}
    for name in found:
        for path in (PACKAGE / name).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                module = node.module if isinstance(node, ast.ImportFrom) else None
                target = (module or "").split(".")
                if target[0] == "workbench" and len(target) > 1 and target[1] in names:
                    found[name].add(target[1])
        found[name].discard(name)
    return found


def picture() -> str:
    """Return the packages as a Mermaid graph."""
    imports = package_imports()

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        open_ = list(imports[start])
        while open_:
            one = open_.pop()
            if one not in seen:
                seen.add(one)
                open_ += imports[one]
        return seen

    lines = ["```mermaid", "graph TD"]
    for name, below in imports.items():
        implied = set().union(*(reached(one) for one in below)) if below else set()
        lines += [f"    {name} --> {one}" for one in sorted(below - implied)]
    return "\n".join([*lines, "```", ""])


def architecture() -> str:
    """Return docs/architecture.md with the picture as it is now."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    return before + START + picture() + END + rest.partition(END)[2]


PAGES: Mapping[str, Callable[[], str]] = {
    "reference/api.md": api,
    "reference/cli.md": commands,
    "reference/recipe.md": recipe,
    "reference/glossary.md": glossary,
    "architecture.md": architecture,
}


def stale() -> list[str]:
    """Return the pages that differ from what the code says."""
    return [
        name
        for name, make in PAGES.items()
        if not (path := DOCS / name).exists() or path.read_text("utf-8") != make()
    ]


def main() -> None:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        found = stale()
        sys.stdout.write("\n".join(found) or "every page says what the code says")
        sys.stdout.write("\n")
        sys.exit(bool(found))
    for name, make in PAGES.items():
        text = make()
        (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
