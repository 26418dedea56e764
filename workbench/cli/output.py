"""How commands print: a table on a terminal, JSON with stable keys for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from workbench.errors import WorkbenchError


def print_json(value: object) -> None:
    """Print a value as indented JSON; arrays, paths and numpy numbers included."""
    typer.echo(json.dumps(value, indent=2, default=_plain))


def print_line(text: str = "") -> None:
    """Print one line of plain text."""
    typer.echo(text)


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Print rows as a table: aligned on a terminal, unbroken lines in a pipe."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    body = [[_text(cell) for cell in row] for row in rows]
    for index, name in enumerate(columns):
        numeric = bool(body) and all(_is_number(row[index]) for row in body)
        table.add_column(name, justify="right" if numeric else "left", no_wrap=True)
    for row in body:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else 240
    Console(width=width, highlight=False, markup=False).print(table)


def print_error(error: WorkbenchError) -> None:
    """Print what was found, what was expected and what to do next to stderr."""
    typer.echo(f"Error: {error.found}", err=True)
    typer.echo(f"Expected: {error.expected}", err=True)
    typer.echo(f"Next: {error.next_step}", err=True)


def percent(value: float) -> str:
    """Return a fraction as a percentage for people.

    Examples
    --------
    >>> percent(0.8125)
    '81.25 %'
    """
    return f"{100 * value:.2f} %"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


def _text(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) else "" if cell is None else str(cell)


def _is_number(text: str) -> bool:
    digits = text.replace(",", "").replace(".", "").replace("%", "").replace("-", "")
    return digits.strip().isdigit() or text == ""
