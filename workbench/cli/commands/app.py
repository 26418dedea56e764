"""`workbench app`: start the browser application."""

import importlib.util
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import parse_shape
from workbench.cli.source_options import MODEL_SETTINGS, NORM, RANDOM
from workbench.errors import WorkbenchError
from workbench.models.offered import VARIABLE, Given, Order
from workbench.models.sources import is_file

NONE = "-"
WHERE = "WORKBENCH_MODELS_FROM"
"""Environment variable: the folder in which factories' modules are looked for."""

# Where `workbench.ui.serve` listens, whatever the environment says.
ADDRESS = "127.0.0.1"


def run(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")
    ] = 8501,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help="A network to offer on the page beside the samples: `timm:NAME`, "
            "`torchvision:NAME`, `hub:ORG/NAME`, an ONNX file, a factory "
            "`pkg.module:function` of the current directory, or a sample or "
            "architecture with your weights; repeatable, the first opens first.",
        ),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Weights: the first --weights belong to the first --model, and so on; "
            f"`{NONE}` for a model without.",
        ),
    ] = None,
    input_shape: Annotated[
        list[str] | None,
        typer.Option(
            metavar="C,H,W",
            help="Input of a factory's network, e.g. 3,224,224: in the order of the "
            f"models, `{NONE}` for none; a single one is for all.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Folder with datasets (sets WORKBENCH_DATA). For networks of --model "
            "also a dataset's name or file."
        ),
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
    networks = given_of(model or (), weights or (), input_shape or ())
    place = None if data is None else _place(data, named=bool(networks))
    if place is not None and Path(place).is_dir():
        os.environ["WORKBENCH_DATA"] = place
    os.environ[VARIABLE] = Order(networks, place if networks else None).text()
    os.environ[WHERE] = os.getcwd()
    if quiet:
        os.environ["WORKBENCH_FIRST_START"] = "0"
    _require_free(port)
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


def given_of(
    models: Sequence[str], weights: Sequence[str], shapes: Sequence[str]
) -> tuple[Given, ...]:
    """Return the networks that the options name, weights and shapes in their order.

    Raises
    ------
    WorkbenchError
        More weights or shapes than models, no such file, or an impossible shape.

    Examples
    --------
    >>> given_of(["nets:a", "nets:b"], [], ["1,28,28"])[1].input_shape
    (1, 28, 28)
    """
    for option, values in (("--weights", weights), ("--input-shape", shapes)):
        if len(values) > len(models):
            raise WorkbenchError(
                f"{len(values)} {option} for {len(models)} --model",
                "at most one for each, in the same order",
                f"Name the model that it belongs to; write `{option} {NONE}` for one "
                "that has none.",
            )
    if len(shapes) == 1:
        shapes = [shapes[0]] * len(models)
    found = []
    for at, spec in enumerate(models):
        file = weights[at] if at < len(weights) and weights[at] != NONE else None
        shape = shapes[at] if at < len(shapes) and shapes[at] != NONE else None
        if file is not None and not Path(file).expanduser().is_file():
            raise WorkbenchError(
                f"no file {file}, the weights of '{spec}'",
                "a .safetensors file or a .pt state_dict",
                f"Check the path; the first --weights belong to the first --model, "
                f"and `{NONE}` stands for none.",
            )
        path = None if file is None else str(Path(file).expanduser().resolve())
        source = ":" in spec and not is_file(spec)
        found.append(
            Given(
                # The server runs in another folder.
                str(Path(spec).expanduser().resolve()) if is_file(spec) else spec,
                path,
                parse_shape(shape),
                source and RANDOM.get(),
                MODEL_SETTINGS.get() if source else {},
                NORM.get(),
            )
        )
    return tuple(found)


def _place(data: str, *, named: bool) -> str:
    """Return where images are: an absolute path, or a dataset's name.

    Raises
    ------
    WorkbenchError
        No such folder; for networks of one's own, no such file or dataset either.
    """
    from workbench.data.loading import KNOWN, MNIST5K

    path = Path(data).expanduser()
    if path.is_dir() or (named and path.is_file()):
        return str(path.resolve())
    if named and data in (*KNOWN, MNIST5K):
        return data
    raise WorkbenchError(
        f"no folder {data}",
        "a folder that holds datasets"
        + (", a file of images, or a dataset's name" if named else ""),
        "Check the path, or leave --data out and download from the page.",
    )
