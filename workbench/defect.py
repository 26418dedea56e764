"""An error that nobody foresaw: one sentence, and a report that can be sent.

Belongs here: telling what the machine refuses (memory, disk) from a defect of ours, and
what a report says. Does not belong here: printing it (``cli``) or drawing it (``ui``).
"""

import errno
import re
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path

import workbench
from workbench.errors import WorkbenchError
from workbench.measure.conditions import read_conditions

PACKAGES = ("torch", "numpy", "streamlit", "pydantic", "onnx", "onnxruntime")
_MOST_CHARACTERS = 300
# What a user name, a password or a token looks like in an argument or a message.
_SECRETS = (
    (re.compile(r"(?<=://)[^/@\s]+@"), "***@"),
    (re.compile(r"(?i)\b((?:token|password|secret|api_?key)\s*[=:]\s*)\S+"), r"\1***"),
)
_REFUSALS = {
    errno.ENOSPC: "Make room on the disk, then repeat.",
    errno.EDQUOT: "Make room within your quota, then repeat.",
    errno.EROFS: "Choose a folder on a disk that can be written to.",
    errno.EACCES: "Change the permissions, or choose another place.",
    errno.EPERM: "Change the permissions, or choose another place.",
    errno.EMFILE: "Close other programs, or raise the limit: ulimit -n 4096",
    errno.ENFILE: "Close other programs, then repeat.",
    errno.EIO: "Check the disk, then repeat.",
}


class Defect(WorkbenchError):
    """Return an error that nobody foresaw, with a report.

    Parameters
    ----------
    found : str
        The error in one line.
    report : str
        Versions, machine, what was asked for and the traceback; no values of
        variables, no environment, no secrets.
    """

    def __init__(self, found: str, report: str) -> None:
        super().__init__(
            found,
            "an answer, or a refusal with its reason: this is a defect of ours",
            "Send us the report: versions, machine, what was asked for, the traceback.",
        )
        self.report = report


def explained(error: BaseException, doing: str) -> WorkbenchError:
    """Return any error as one that says what to do.

    Parameters
    ----------
    error : BaseException
        What was raised.
    doing : str
        What was asked for: a command line, a page, a job.

    Returns
    -------
    WorkbenchError
        The error itself if it is one; what the machine refused; else a ``Defect``.
    """
    if isinstance(error, WorkbenchError):
        return error
    return _refused(error) or Defect(in_short(error), report_of(error, doing))


def in_short(error: BaseException) -> str:
    """Return type and message of an error in one line of bounded length.

    Examples
    --------
    >>> in_short(ValueError("two\\nlines"))
    'ValueError: two lines'
    """
    text = " ".join(f"{type(error).__name__}: {_safe(str(error))}".split())
    if len(text) > _MOST_CHARACTERS:
        text = text[: _MOST_CHARACTERS - 3] + "..."
    return text.removesuffix(":")


def report_of(error: BaseException, doing: str) -> str:
    """Return what helps to mend a defect, as text that can be shown to anybody."""
    trace = "".join(traceback.format_exception(error))
    return _safe(f"{_about()}\nasked for: {doing}\n\n{trace}")


def saved(report: str) -> Path | None:
    """Write a report to a file of the temporary folder; None where that fails."""
    with suppress(OSError):
        with tempfile.NamedTemporaryFile(
            "w",
            prefix="workbench-report-",
            suffix=".txt",
            delete=False,
            encoding="utf-8",
            errors="backslashreplace",
        ) as file:
            file.write(report)
        return Path(file.name)
    return None


def _about() -> str:
    here = read_conditions(1, packages=PACKAGES)
    versions = ", ".join(f"{name} {version}" for name, version in here.versions)
    return (
        f"Pruning Workbench {workbench.__version__}, Python {here.python}, "
        f"{here.system}\n{here.cpu}, {here.isa}, kernels {here.kernels}, "
        f"{here.cores} cores\n{versions}\n{here.date}"
    )


def _refused(error: BaseException) -> WorkbenchError | None:
    """Return what the machine did not give; None where that is not the cause."""
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return WorkbenchError(
            "not enough memory",
            "memory for the network, its activations and its training state",
            "Close other programs, or take a smaller network, input or batch.",
        )
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        where = f" at {error.filename}" if error.filename else ""
        return WorkbenchError(
            f"{error.strerror}{where}",
            "a machine that lets the workbench read and write there",
            _REFUSALS[error.errno],
        )
    return None


def _safe(text: str) -> str:
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text
