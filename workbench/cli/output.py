"""How commands print: a table on a terminal, JSON with stable keys for programs."""

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from workbench.defect import Defect, saved
from workbench.errors import WorkbenchError


def print_json(value: object) -> None:
    """Print a value as indented JSON; arrays, paths and numpy numbers included.

    JSON has no NaN and no infinity: both become null.
    """
    typer.echo(json.dumps(_finite(value), indent=2, allow_nan=False))


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
    _Console(width=width, highlight=False, markup=False).print(table)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the entry what a closed pipe means."""
        raise BrokenPipeError


def print_error(error: WorkbenchError) -> None:
    """Print what was found, what was expected and what to do next to stderr."""
    typer.echo(f"Error: {error.found}", err=True)
    typer.echo(f"Expected: {error.expected}", err=True)
    typer.echo(f"Next: {error.next_step}", err=True)


def print_defect(error: Defect) -> None:
    """Print an error that nobody foresaw, and where the report about it lies."""
    print_error(error)
    path = saved(error.report)
    typer.echo(error.report if path is None else f"Report: {path}", err=True)


def percent(value: float) -> str:
    """Return a fraction as a percentage for people.

    Examples
    --------
    >>> percent(0.8125)
    '81.25 %'
    """
    return f"{100 * value:.2f} %"


def _finite(value: Any) -> Any:
    """Return the value out of what JSON has."""
    if isinstance(value, Mapping):
        return {_key(name): _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    return str(value)


def _key(name: object) -> str:
    """Return a name as JSON writes it: numbers and truth values in its own words."""
    if name is None or isinstance(name, bool | int | float):
        return json.dumps(name)
    return str(name)


def _text(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) else "" if cell is None else str(cell)


def _is_number(text: str) -> bool:
    digits = text.replace(",", "").replace(".", "").replace("%", "").replace("-", "")
    return digits.strip().isdigit() or text == ""
