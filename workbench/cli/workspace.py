"""The workspace of a command: where it records what it did.

Belongs here: the option, and recording one result. Does not belong here: the store.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.store.record import network_inputs, plain

if TYPE_CHECKING:
    from workbench.store.store import Store

Workspace = Annotated[
    Path | None,
    typer.Option(help="Folder that keeps every run (WORKBENCH_HOME, or .workbench)."),
]


@contextmanager
def open_store(workspace: Path | None) -> "Iterator[Store]":
    """Yield the store of a workspace; say so if it had to be mended."""
    store: Store = wb.Store(workspace)
    if store.damage is not None:
        typer.echo(f"Warning: {store.damage}", err=True)
    try:
        yield store
    finally:
        store.close()


def record(
    kind: str,
    network: Any,
    *,
    results: Mapping[str, Any],
    data: Any = None,
    threads: int = 1,
    more: Mapping[str, Any] | None = None,
) -> str | None:
    """Record what a command did with a network; return the run's id.

    Parameters
    ----------
    kind : str
        "eval", "prune", "bench", "export" or another word for what was done.
    network : Network or PrunedNetwork
        What it was done with; its recipe is recorded when it has one.
    results : mapping
        JSON values.
    data : Dataset, optional
        What it was evaluated on.
    threads : int
        Of the engines.
    more : mapping, optional
        Further inputs: the options that decide the result.
    """
    inputs = network_inputs(network, data=data, threads=threads, more=more)
    return record_inputs(kind, inputs, results)


def record_inputs(
    kind: str, inputs: Mapping[str, Any], results: Mapping[str, Any]
) -> str | None:
    """Record one result of a command by its inputs; return the run's id.

    A workspace that cannot be written is said on stderr and costs nothing else: None.
    """
    try:
        with open_store(None) as store:
            run = store.add_run(kind, inputs=plain(inputs), results=plain(results))
    except WorkbenchError as error:
        typer.echo(f"not recorded: {error.found}", err=True)
        return None
    return run.id
