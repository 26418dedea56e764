"""What was decided for a graph: a layout for each slot, a kernel for each node.

Belongs here: the plan as plain values, so that it can be cached and stored in
a `.wbp` file. Does not belong here: how it was decided (`select`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import workbench
from workbench.engine.candidates import Form
from workbench.engine.stored import values
from workbench.kernels import info
from workbench.kernels.executor import MAX_THREADS

MEANING = 3
"""Raised when plans made before would mean something else: other layouts, variants."""

MOST_ROWS = 1 << 31


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
class ExecutionPlan:
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
    def from_json(cls, data: object) -> "ExecutionPlan":
        """Return the plan that `to_json` wrote.

        Raises
        ------
        StoredValueError
            An entry is missing or of another type. Whether the plan fits a graph is
            another question: `fits.misfit`.
        """
        plan = values.mapping(data, "the plan")
        forms = values.mapping(plan.get("forms"), "forms")
        choices = values.mapping(plan.get("choices"), "choices")
        threads = values.whole(plan.get("threads"), "threads", 1, MAX_THREADS)
        return cls(
            {name: _form(form) for name, form in forms.items()},
            {name: _choice(choice) for name, choice in choices.items()},
            threads,
            values.text(plan.get("kernels"), "kernels"),
            tuple(map(_band, values.items(plan.get("bands", []), "bands"))),
            values.whole(plan.get("used", 0), "used", 0, threads),
        )


def _form(data: object) -> Form:
    kind, split = values.items(data, "a form", 2)
    return Form(values.text(kind, "a layout"), values.whole(split, "a split", 1, 2))


def _choice(data: object) -> Choice:
    choice = values.mapping(data, "a choice")
    return Choice(
        values.text(choice.get("candidate"), "a candidate"),
        _form(choice.get("form")),
        values.text(choice.get("variant"), "a variant"),
        values.number(choice.get("ms"), "a time"),
        values.truth(choice.get("measured"), "measured"),
        tuple(map(_rejection, values.items(choice.get("rejected"), "rejected"))),
    )


def _rejection(data: object) -> Rejection:
    candidate, reason, ms = values.items(data, "a rejection", 3)
    return Rejection(
        values.text(candidate, "a candidate"),
        values.text(reason, "a reason"),
        None if ms is None else values.number(ms, "a time"),
    )


def _band(data: object) -> Band:
    first, last, rows = values.items(data, "a band", 3)
    return Band(
        values.text(first, "a node"),
        values.text(last, "a node"),
        values.whole(rows, "the rows of a band", 1, MOST_ROWS),
    )
