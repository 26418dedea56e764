"""What every kind of work has: an order, a job that does it, one record that is found.

Belongs here: starting an order in the background, keeping and finding its record. Does
not belong here: any kind of work (a module each).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import workbench as wb

if TYPE_CHECKING:
    from workbench.jobs.job import Job
    from workbench.store.run import Run


class Order(Protocol):
    """What is asked: everything that the answer depends on, and nothing else."""

    @property
    def kind(self) -> str:
        """The kind of work, as the store knows it."""

    @property
    def inputs(self) -> dict[str, Any]:
        """What identifies the answer in the store, whoever asks for it."""

    @property
    def estimate_s(self) -> float:
        """Seconds on a quiet core, roughly."""


Asked = TypeVar("Asked", bound=Order)


def start(order: Asked, run: "Callable[[Job, Asked], object]", **shown: object) -> str:
    """Do an order in the background; return the job's id.

    Parameters
    ----------
    order : Order
        What is asked.
    run : callable (job, order)
        Does it, and keeps its record.
    **shown
        What else the job tells people of itself.

    Raises
    ------
    WorkbenchError
        Too many jobs are running.
    """
    from workbench.jobs.registry import registry

    return (
        registry().start(lambda job: run(job, order), spec=spec_of(order, **shown)).id
    )


def spec_of(order: Order, **shown: object) -> dict[str, Any]:
    """Return what a job tells people of its order."""
    return {"kind": order.kind, "inputs": order.inputs, **shown}


def keep(order: Order, results: Mapping[str, Any]) -> str:
    """Record the answer to an order; return the run's id."""
    run: Run = wb.Store().add_run(order.kind, inputs=order.inputs, results=results)
    return run.id


def recorded(order: Order) -> "Run | None":
    """Return the newest finished answer to the same order, from any face."""
    found: Run | None = wb.Store().newest(order.kind, order.inputs)
    return found
