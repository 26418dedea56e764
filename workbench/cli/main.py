"""Entry of the command line: the table of commands and how errors are shown.

Exit codes: 0 done, 1 the check failed, 2 wrong use. A command is one file in
`commands/` with a function `run`, and one line in `COMMANDS`.
"""

import sys
from importlib import import_module

import typer

from workbench.cli.output import print_error
from workbench.errors import WorkbenchError

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


def build() -> typer.Typer:
    """Return the typer application with every command of the table."""
    application = typer.Typer(
        name="workbench",
        help="Prune convolutional networks and measure what it gains on this CPU.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for name in COMMANDS:
        module = import_module(f"workbench.cli.commands.{name}_")
        application.command(name)(module.run)
    return application


def main() -> None:
    """Run the command line and turn workbench errors into one readable message."""
    if "" not in sys.path:
        # The installed command, unlike `python -m`, does not look for a factory's
        # module in the working directory.
        sys.path.insert(0, "")
    try:
        build()()
    except WorkbenchError as error:
        print_error(error)
        sys.exit(2)
