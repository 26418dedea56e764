"""What the commands that train share: options, progress, processes, accuracies.

Belongs here: what `finetune` and `train` have in common. Does not belong here: the
training itself (`workbench.training`).
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress as Bar

import workbench as wb
from workbench.cli.output import percent, print_line, print_table
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.pruning.pruned import PrunedNetwork
    from workbench.training.loop.options import EpochLog

Epochs = Annotated[
    int | None, typer.Option(min=1, help="Passes over the training images.")
]
Images = Annotated[
    int | None,
    typer.Option(min=2, help="Train on a class-balanced subset of so many images."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write the trained network here."),
]
Checkpoint = Annotated[
    Path | None,
    typer.Option(help="Written every epoch; if it exists, the run continues from it."),
]


class Progress:
    """Shows a bar on a terminal and one line an epoch, or nothing when quiet.

    Parameters
    ----------
    quiet : bool
        For --json, and for all processes of a team but one.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet

    def line(self, text: str) -> None:
        """Print a line, unless quiet."""
        if not self.quiet:
            print_line(text)

    @contextmanager
    def hooks(self) -> Iterator[Any]:
        """Give hooks for a training run, as long as the bar is on the screen."""
        from workbench.training.loop.fit import FitHooks

        if self.quiet:
            yield FitHooks(unsaved=_say_unsaved)
            return
        with Bar(transient=True, disable=not sys.stdout.isatty()) as bar:
            task = bar.add_task("training", total=None)

            def after_batch(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            def after_epoch(log: "EpochLog") -> None:
                print_line(f"epoch {log.epoch}: {log.text}")

            yield FitHooks(
                after_batch=after_batch, after_epoch=after_epoch, unsaved=_say_unsaved
            )


def _say_unsaved(error: "WorkbenchError") -> None:
    typer.echo(f"no checkpoint: {error.found}; the training goes on", err=True)


@dataclass(frozen=True)
class Written:
    """A file asked for: its report, or why there is none.

    Training takes hours: what it found is shown before the error of its file.
    """

    report: dict[str, Any] | None = None
    error: "WorkbenchError | None" = None

    @classmethod
    def of(cls, network: "PrunedNetwork", path: Path | None) -> "Written":
        """Write a network and keep how that went; nothing without a path."""
        if path is None:
            return cls()
        try:
            return cls(wb.export(network, path).to_dict())
        except WorkbenchError as error:
            return cls(error=error)

    def tell(self) -> None:
        """Say what was written, or raise why it was not."""
        self.require()
        if self.report is not None:
            path, size = self.report["path"], self.report["bytes"]
            print_line(f"wrote {path} ({size:,} bytes, verified)")

    def require(self) -> None:
        """Raise why the file could not be written, if so."""
        if self.error is not None:
            raise self.error


@contextmanager
def together() -> Iterator[bool]:
    """Join the processes that `torchrun` started; give whether this one leads.

    Only the leading process prints and writes files.
    """
    from workbench.training.loop.processes import joined

    with joined() as team:
        yield team.leads


def print_accuracies(title: str, accuracy: Mapping[str, Mapping[str, Any]]) -> None:
    """Print top-1 with its interval, one row a state of the network.

    Parameters
    ----------
    title : str
        Of the table.
    accuracy : mapping
        State to the fields of an ``Accuracy``; or to ``why`` there is none.
    """
    known = {name: value for name, value in accuracy.items() if "top1" in value}
    print_table(
        title,
        ("accuracy", "top-1", "95 % interval", "top-5", "loss", "n"),
        [
            (
                _said(name),
                percent(value["top1"]),
                " .. ".join(percent(end) for end in value["interval"]),
                percent(value["top5"]),
                f"{value['loss']:.4f}",
                value["n"],
            )
            for name, value in known.items()
        ],
    )
    for name in accuracy.keys() - known.keys():
        print_line(f"{_said(name)}: {accuracy[name]['why']}")


def _said(name: str) -> str:
    return name.replace("bn_reestimated", "BN re-estimated")
