"""`workbench app`: start the browser application."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.output import print_line
from workbench.errors import WorkbenchError


def run(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")
    ] = 8501,
    data: Annotated[
        str | None, typer.Option(help="Folder with datasets (sets WORKBENCH_DATA).")
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            help="Measure nothing at the first start (sets WORKBENCH_FIRST_START=0).",
        ),
    ] = False,
) -> None:
    """Start the workbench in the browser and print its address."""
    script = Path(__file__).resolve().parents[3] / "app.py"
    if not script.exists():
        raise WorkbenchError(
            f"no {script.name} beside the installed package",
            "a checkout of the project",
            "Clone the repository and run `make run` there.",
        )
    if importlib.util.find_spec("streamlit") is None:
        raise WorkbenchError(
            "streamlit is not installed",
            "the packages of requirements.txt",
            "Run `pip install -r requirements.txt`.",
        )
    if data is not None:
        if not Path(data).expanduser().is_dir():
            raise WorkbenchError(
                f"no folder {data}",
                "a folder that holds datasets",
                "Check the path, or leave --data out and download from the page.",
            )
        os.environ["WORKBENCH_DATA"] = str(Path(data).expanduser().resolve())
    if quiet:
        os.environ["WORKBENCH_FIRST_START"] = "0"
    print_line(f"Pruning Workbench: http://127.0.0.1:{port}")
    sys.stdout.flush()
    os.chdir(script.parent)
    command = [sys.executable, "-m", "workbench.ui.serve", str(script)]
    flags = ["--server.port", str(port), "--server.headless", "true"]
    os.execv(
        sys.executable,
        [*command, *flags],
    )
