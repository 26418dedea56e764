"""What was decided for a graph: a layout for each slot, a kernel for each node.

Belongs here: the plan as plain values, so that it can be cached and stored in
a `.wbp` file. Does not belong here: how it was decided (`select`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import workbench
from workbench.engine.candidates import Form
from workbench.kernels import info

MEANING = 3
"""Raised when plans made before would mean something else: other layouts, variants."""


def kernels_here() -> str:
    """Return instruction set, version and meaning of plans made by this process."""
    return f"{info().isa} {workbench.__version__} {MEANING}"


def label(candidate: str, variant: str, form: Form) -> str:
    """Return what reports call one way to run a node.

    Examples
    --------
    >>> label("sparse", "strip8", Form("strips"))
    'sparse strip8 on strips'
    """
    return " ".join(part for part in (candidate, variant, f"on {form}") if part)


@dataclass(frozen=True)
class Rejection:
    """A candidate that was not taken, with its time or the reason.

    Parameters
    ----------
    candidate : str
        Name, with the kernel variant where there are several.
    reason : str
        Why it may not run, or that it was slower.
    ms : float, optional
        Its time, measured or modelled.
    """

    candidate: str
    reason: str
    ms: float | None = None


@dataclass(frozen=True)
class Choice:
    """How one node runs.

    Parameters
    ----------
    candidate : str
        Name in `candidates.TABLE`.
    form : Form
        How its first input is stored when it is read.
    variant : str
        Kernel variant; empty for the kernel's own choice.
    ms : float
        Expected time of the node alone, writing the layout it writes.
    measured : bool
        False when ``ms`` comes from the cost model.
    rejected : tuple of Rejection
    """

    candidate: str
    form: Form
    variant: str = ""
    ms: float = 0.0
    measured: bool = False
    rejected: tuple[Rejection, ...] = ()


@dataclass(frozen=True)
class Band:
    """Consecutive nodes that run together, some rows at a time.

    Parameters
    ----------
    first, last : str
        Node ids.
    rows : int
        Output rows of the first node in each band.
    """

    first: str
    last: str
    rows: int


@dataclass(frozen=True, eq=False)
class Plan:
    """Layouts of slots and choices of nodes.

    Parameters
    ----------
    forms : mapping of str to Form
        Primary form of each slot; readers of other forms get a copy.
    choices : mapping of str to Choice
        For each node that computes something.
    threads : int
        Threads that the plan was made for.
    used : int
        Threads that run it: fewer where that was measured faster; 0 is all.
    kernels : str
        Instruction set and version of the kernels that it names.
    bands : tuple of Band
        Chains that run in bands of rows; they do not overlap.
    """

    forms: Mapping[str, Form]
    choices: Mapping[str, Choice]
    threads: int
    kernels: str = ""
    bands: tuple[Band, ...] = ()
    used: int = 0

    @property
    def team(self) -> int:
        """Threads that share each step."""
        return self.used or self.threads

    def to_json(self) -> dict[str, Any]:
        """Return the plan as values that JSON can hold."""
        return {
            "threads": self.threads,
            "used": self.team,
            "kernels": self.kernels,
            "bands": [[b.first, b.last, b.rows] for b in self.bands],
            "forms": {k: [f.kind, f.split] for k, f in self.forms.items()},
            "choices": {
                name: {
                    "candidate": c.candidate,
                    "form": [c.form.kind, c.form.split],
                    "variant": c.variant,
                    "ms": c.ms,
                    "measured": c.measured,
                    "rejected": [[r.candidate, r.reason, r.ms] for r in c.rejected],
                }
                for name, c in self.choices.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Plan":
        """Return the plan that `to_json` wrote."""
        return cls(
            {k: Form(*f) for k, f in data["forms"].items()},
            {
                name: Choice(
                    c["candidate"],
                    Form(*c["form"]),
                    c["variant"],
                    c["ms"],
                    c["measured"],
                    tuple(Rejection(*r) for r in c["rejected"]),
                )
                for name, c in data["choices"].items()
            },
            data["threads"],
            data["kernels"],
            tuple(Band(*band) for band in data.get("bands", ())),
            data.get("used", 0),
        )
