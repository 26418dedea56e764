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
    from workbench.analysis.accuracy import Accuracy
    from workbench.data.dataset import Dataset
    from workbench.pruning.pruned import PrunedNetwork
    from workbench.training.finetune import Tuned
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

    def follow(
        self,
        pruned: "PrunedNetwork",
        train: "Dataset",
        val: "Dataset",
        checkpoint: Path | None,
        settings: Mapping[str, Any],
    ) -> "Tuned":
        """Return the network that fine-tuning gives, showing how it goes."""
        from workbench.training.finetune import tune

        with self.hooks() as hooks:
            return tune(
                pruned, train, val=val, checkpoint=checkpoint, hooks=hooks, **settings
            )

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


def print_accuracies(title: str, accuracy: "Mapping[str, Accuracy]") -> None:
    """Print top-1 with its interval, one row a state of the network."""
    print_table(
        title,
        ("accuracy", "top-1", "95 % interval", "top-5", "loss", "n"),
        [
            (
                name.replace("bn_reestimated", "BN re-estimated"),
                percent(value.top1),
                f"{percent(value.interval[0])} .. {percent(value.interval[1])}",
                percent(value.top5),
                f"{value.loss:.4f}",
                value.n,
            )
            for name, value in accuracy.items()
        ],
    )
