"""`workbench report`: a recorded run as one HTML file that opens offline."""

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.output import print_line
from workbench.cli.workspace import Workspace, open_store
from workbench.errors import WorkbenchError
from workbench.store.report import report_html


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
    beside = output.with_name(output.name + ".part")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(output)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise WorkbenchError(
            f"'{output}' that cannot be written ({error.strerror})",
            "a file name in a folder that exists",
            "Check the path.",
        ) from None
    print_line(f"wrote {output} ({len(text.encode()):,} bytes) from run {found.id}")
