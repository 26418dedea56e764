"""`workbench app`: start the browser application."""

import importlib.util
import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.output import print_line
from workbench.errors import WorkbenchError

# Where `workbench.ui.serve` listens, whatever the environment says.
ADDRESS = "127.0.0.1"


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
    _require_free(port)
    print_line(f"Pruning Workbench: http://{ADDRESS}:{port}")
    sys.stdout.flush()
    os.chdir(script.parent)
    command = [sys.executable, "-m", "workbench.ui.serve", str(script)]
    os.execv(sys.executable, [*command, "--server.port", str(port)])


def _require_free(port: int) -> None:
    """Raise unless the server can listen on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            raise WorkbenchError(
                f"port {port} of {ADDRESS} cannot be used ({error.strerror})",
                "a port that no other program listens on",
                f"Choose another: --port {port + 1 if port < 65535 else 8501}",
            ) from error
