"""Checkpoints of a training run: written beside and renamed, read back with checks.

Belongs here: the file. Does not belong here: what is trained and how (``fit.py``).
"""

import errno
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from workbench.errors import WorkbenchError
from workbench.models.pickle_guard import BROKEN_FILE_ERRORS
from workbench.models.torch_file import OversizedError, RefusedError, load_torch
from workbench.reading import read_regular
from workbench.training.loop.options import EpochLog, FitOptions
from workbench.writing import WriteError, replaced

_FORMAT = 1
_UNREADABLE: tuple[type[Exception], ...] = (
    *BROKEN_FILE_ERRORS,
    RefusedError,
    OversizedError,
)


@dataclass(frozen=True)
class Identity:
    """What a run must share with a checkpoint to continue from it.

    Parameters
    ----------
    data : str
        Digest of the training images.
    start : str
        Digest of the network at the start; "" in files that do not say.
    techniques : tuple of str
        What took part beside the plain loop.
    """

    data: str
    start: str = ""
    techniques: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a run after an epoch.

    Parameters
    ----------
    options : FitOptions
        What the run was told; a run with other options does not resume from it.
    identity : Identity
        Of the run that wrote it.
    history : tuple of EpochLog
        One a finished epoch.
    module_state, optimizer_state : dict
        ``state_dict`` of the network and of the optimizer.
    technique_states : tuple of dict
        One a technique, in their order.
    """

    options: FitOptions
    identity: Identity
    history: tuple[EpochLog, ...]
    module_state: dict[str, Any]
    optimizer_state: dict[str, Any]
    technique_states: tuple[dict[str, Any], ...] = ()

    def save(self, path: Path) -> None:
        """Write the file whole, so that no crash leaves half of it.

        Parameters
        ----------
        path : Path
            Its directory is made if needed.

        Raises
        ------
        WriteError
            It cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(path, error) from error
        content = {
            "format": _FORMAT,
            "options": asdict(self.options),
            "data_digest": self.identity.data,
            "start": self.identity.start,
            "techniques": list(self.identity.techniques),
            "history": [asdict(log) for log in self.history],
            "module": self.module_state,
            "optimizer": self.optimizer_state,
            "technique_states": list(self.technique_states),
        }
        with replaced(path) as part, part.open("wb") as file:
            try:
                torch.save(content, file)
            except RuntimeError as error:
                # What torch makes of a disk without room.
                cause = error.__context__
                full = OSError(errno.EIO, "torch could not write all of it")
                raise cause if isinstance(cause, OSError) else full from error

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Read a checkpoint; nothing in the file is executed.

        Raises
        ------
        WorkbenchError
            If the file is no checkpoint of this form.
        """
        try:
            read = read_regular(path)
        except OSError as error:
            raise WorkbenchError(
                f"checkpoint {path} cannot be read ({error.strerror})",
                f"a file with a training checkpoint of format {_FORMAT}",
                "Check the path and its permissions.",
            ) from error
        try:
            content = load_torch(read)
            if content["format"] != _FORMAT:
                raise KeyError("format")
            data, start = _texts(content["data_digest"], content.get("start", ""))
            return cls(
                FitOptions(**_plain(content["options"])),
                Identity(data, start, _texts(*content.get("techniques", ()))),
                tuple(EpochLog(**log) for log in content["history"]),
                content["module"],
                content["optimizer"],
                tuple(content.get("technique_states", ())),
            )
        except _UNREADABLE as error:
            raise unusable(path) from error

    def check_fits(self, path: Path, options: FitOptions, identity: Identity) -> None:
        """Raise unless the checkpoint belongs to the run that asks.

        Raises
        ------
        WorkbenchError
            Names the first thing that differs.
        """
        ours, theirs = asdict(options), asdict(self.options)
        for name, value in ours.items():
            if theirs[name] != value:
                raise _another_run(
                    f"checkpoint {path} was made with {name}={theirs[name]!r}",
                    f"{name}={value!r}, as asked for",
                )
        if self.identity.data != identity.data:
            raise _another_run(
                f"checkpoint {path} was made on data {self.identity.data[:12]}",
                f"data {identity.data[:12]}, as given",
            )
        if self.identity.start not in ("", identity.start):
            raise _another_run(
                f"checkpoint {path} started from weights {self.identity.start[:12]}",
                f"weights {identity.start[:12]}, as given",
            )
        if self.identity.techniques != identity.techniques:
            raise _another_run(
                f"checkpoint {path} was made with "
                f"{', '.join(self.identity.techniques) or 'the plain loop'}",
                ", ".join(identity.techniques) or "the plain loop",
            )


def _texts(*values: object) -> tuple[str, ...]:
    """Return texts of a file as they are, and raise TypeError for anything else."""
    if not all(isinstance(value, str) for value in values):
        raise TypeError("texts")
    return tuple(str(value) for value in values)


def _plain(values: Mapping[str, object]) -> dict[str, Any]:
    """Return options of a file, and raise TypeError for what no option is."""
    plain = (bool, int, float, str, tuple, list, type(None))
    if not all(isinstance(value, plain) for value in values.values()):
        raise TypeError("numbers and texts")
    return dict(values)


def unusable(path: Path) -> WorkbenchError:
    """Return the error for a file that is no checkpoint, or not of this network."""
    return WorkbenchError(
        f"{path} cannot be read as a training checkpoint of this network",
        f"a whole checkpoint of format {_FORMAT}",
        "Delete the file to start the training anew.",
    )


def _another_run(found: str, expected: str) -> WorkbenchError:
    return WorkbenchError(
        found, expected, "Ask for the same, or delete the file to start anew."
    )
