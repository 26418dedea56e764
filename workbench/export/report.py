"""What an export or a verification found.

Belongs here: the values. Does not belong here: the checks themselves (formats/).
"""

from dataclasses import asdict, dataclass
from typing import Any

from workbench.errors import WorkbenchError


@dataclass(frozen=True)
class Check:
    """Return the outcome of one question asked of a file.

    Parameters
    ----------
    name : str
        What was looked at, in a few words.
    ok : bool
        Whether it is as it should be.
    found : str
        What was found.
    expected, next_step : str
        For a failed check, what would have been right and what to do.
    """

    name: str
    ok: bool
    found: str
    expected: str = ""
    next_step: str = ""

    def __str__(self) -> str:
        if self.ok:
            return f"{self.name}: {self.found}"
        return f"{self.name}: {self.found}; expected {self.expected}. {self.next_step}"


def passed(name: str, found: str) -> Check:
    """Return a check that found what it should."""
    return Check(name, True, found)


def failed(name: str, found: str, *, expected: str, next_step: str) -> Check:
    """Return a check that did not."""
    return Check(name, False, found, expected, next_step)


@dataclass(frozen=True)
class Verification:
    """Return whether a file is whole, safe and what it claims to be.

    Parameters
    ----------
    path : str
        The file.
    kind : str
        Name of its format.
    bytes : int
        Its size.
    checks : tuple of Check
        In the order they were made; the first failed one usually is the last.
    """

    path: str
    kind: str
    bytes: int
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """True when at least one check was made and none failed."""
        return bool(self.checks) and all(check.ok for check in self.checks)

    def require(self) -> "Verification":
        """Return self, or raise what the first failed check says.

        Raises
        ------
        WorkbenchError
            When a check failed.
        """
        for check in self.checks:
            if not check.ok:
                raise WorkbenchError(
                    found=f"{self.path}: {check.found}",
                    expected=check.expected,
                    next_step=check.next_step,
                )
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields: path, kind, ok, bytes, checks."""
        return asdict(self) | {"ok": self.ok}


@dataclass(frozen=True)
class ExportReport:
    """Return what was written and how it was proved.

    Parameters
    ----------
    path, format : str
        Where and in which format.
    bytes : int
        Size of the file.
    sha256 : str
        Hex digest of the whole file.
    checks : tuple of Check
        Made by reading the file back; all of them passed.
    """

    path: str
    format: str
    bytes: int
    sha256: str
    checks: tuple[Check, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields: path, format, bytes, sha256, checks."""
        return asdict(self)
