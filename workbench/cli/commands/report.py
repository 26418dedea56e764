"""`workbench report`: a recorded run as one HTML file that opens offline."""

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.output import print_line
from workbench.cli.workspace import Workspace, open_store
from workbench.store.report import report_html
from workbench.writing import write_whole


def run(
    run_id: Annotated[
        str, typer.Argument(help="Id of a run, or how it begins.", metavar="RUN")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file to write.")],
    workspace: Workspace = None,
) -> None:
    """Write a self-contained report: conditions, results, charts, tables, data."""
    with open_store(workspace) as store:
        found = store.get(run_id)
        text = report_html(found, store.rows(found.id))
    write_whole(output, text)
    print_line(f"wrote {output} ({len(text.encode()):,} bytes) from run {found.id}")
