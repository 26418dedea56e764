"""Checkpoints of a training run: written beside and renamed, read back with checks.

Belongs here: the file. Does not belong here: what is trained and how (``fit.py``).
"""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from workbench.errors import WorkbenchError
from workbench.models.pickle_guard import BROKEN_FILE_ERRORS
from workbench.training.options import EpochLog, FitOptions

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a run after an epoch.

    Parameters
    ----------
    options : FitOptions
        What the run was told; a run with other options does not resume from it.
    data_digest : str
        Digest of the training images.
    history : tuple of EpochLog
        One a finished epoch.
    module_state, optimizer_state : dict
        ``state_dict`` of the network and of the optimizer.
    """

    options: FitOptions
    data_digest: str
    history: tuple[EpochLog, ...]
    module_state: dict[str, Any]
    optimizer_state: dict[str, Any]

    def save(self, path: Path) -> None:
        """Write to a file beside ``path``, then rename, so that no crash leaves half.

        Parameters
        ----------
        path : Path
            Its directory is made if needed.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".part")
        content = {
            "format": _FORMAT,
            "options": asdict(self.options),
            "data_digest": self.data_digest,
            "history": [asdict(log) for log in self.history],
            "module": self.module_state,
            "optimizer": self.optimizer_state,
        }
        with beside.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Read a checkpoint; nothing in the file is executed.

        Raises
        ------
        WorkbenchError
            If the file is no checkpoint of this form.
        """
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            if content["format"] != _FORMAT:
                raise KeyError("format")
            return cls(
                FitOptions(**content["options"]),
                content["data_digest"],
                tuple(EpochLog(**log) for log in content["history"]),
                content["module"],
                content["optimizer"],
            )
        except BROKEN_FILE_ERRORS as error:
            raise WorkbenchError(
                f"{path} cannot be read as a training checkpoint",
                f"a checkpoint of format {_FORMAT}",
                "Delete the file to start the training anew.",
            ) from error

    def check_fits(self, path: Path, options: FitOptions, data_digest: str) -> None:
        """Raise unless the checkpoint belongs to a run with these options and data.

        Raises
        ------
        WorkbenchError
            Names the first option that differs.
        """
        ours, theirs = asdict(options), asdict(self.options)
        for name, value in ours.items():
            if theirs[name] != value:
                raise WorkbenchError(
                    f"checkpoint {path} was made with {name}={theirs[name]!r}",
                    f"{name}={value!r}, as asked for",
                    "Ask for the same, or delete the file to start anew.",
                )
        if self.data_digest != data_digest:
            raise WorkbenchError(
                f"checkpoint {path} was made on data {self.data_digest[:12]}",
                f"data {data_digest[:12]}, as given",
                "Give the same data, or delete the file to start anew.",
            )
