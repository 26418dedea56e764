"""Entry of the command line: the table of commands and how errors are shown.

Exit codes: 0 done, 1 the check failed, 2 wrong use, 3 a defect of ours, 130 stopped by
Ctrl-C, 141 nobody reads the output. A command is one file in `commands/` with a
function `run`, and one line in `COMMANDS`.
"""

import io
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from typing import Any

import typer

from workbench.cli.output import print_defect, print_error
from workbench.cli.source_options import with_source_options

COMMANDS = (
    "app",
    "models",
    "methods",
    "inspect",
    "prune",
    "eval",
    "sensitivity",
    "plan",
    "finetune",
    "train",
    "bench",
    "compress",
    "factorise",
    "winograd",
    "export",
    "verify",
    "runs",
    "report",
    "doctor",
)
WRONG_USE, DEFECT, STOPPED, UNREAD = 2, 3, 130, 141


def build(words: Sequence[str] = ()) -> typer.Typer:
    """Return the typer application with the command asked, or with all of the table.

    Importing all commands takes seconds, so that one that is named comes alone.

    Parameters
    ----------
    words : sequence of str
        What follows the program's name.
    """
    application = typer.Typer(
        name="workbench",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    # A callback keeps the command's name where there is one command only.
    application.callback()(_no_options)
    for name in words[:1] if words and words[0] in COMMANDS else COMMANDS:
        module = import_module(f"workbench.cli.commands.{name}")
        application.command(name)(_answering(with_source_options(module.run)))
    return application


def _no_options() -> None:
    """Prune convolutional networks and measure what it gains on this CPU."""


def main() -> None:
    """Run the command line and turn every error into one readable message."""
    if "" not in sys.path:
        # The installed command, unlike `python -m`, does not look for a factory's
        # module in the working directory.
        sys.path.insert(0, "")
    _open_streams()
    code = _run()
    try:
        sys.stdout.flush()
    except OSError as error:
        code = UNREAD if isinstance(error, BrokenPipeError) else _tell(error)
        # What is still in the buffer goes nowhere: Python would complain at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def _run() -> int:
    """Run the command; return the exit code."""
    try:
        build(sys.argv[1:])()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except KeyboardInterrupt:
        return STOPPED
    except Exception as error:  # noqa: BLE001  (nothing is hidden: it is told)
        return _tell(error)
    return 0


def _tell(error: Exception) -> int:
    """Say what went wrong; return the exit code."""
    from workbench.defect import Defect, explained

    shown = explained(error, shlex.join(["workbench", *sys.argv[1:]]))
    if isinstance(shown, Defect):
        print_defect(shown)
        return DEFECT
    print_error(shown)
    return WRONG_USE


def _answering(run: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command whose errors typer does not take for its own.

    Typer would call an end of file "Aborted!" and give 1 for a closed pipe, which is
    the code of a check that failed.
    """

    @wraps(run)
    def command(*words: Any, **options: Any) -> Any:
        try:
            return run(*words, **options)
        except BrokenPipeError:
            raise typer.Exit(UNREAD) from None
        except EOFError as error:
            raise typer.Exit(_tell(error)) from None

    return command


def _open_streams() -> None:
    """Give closed streams somewhere to go, and let every file name be printed."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = "w" if descriptor else "r"
            # Opened in this order, each takes its own number: no file of ours gets it.
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
