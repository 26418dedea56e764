"""Measurements of lessons: started as jobs, recorded, found again.

Belongs here: the order and the job. Does not belong here: what a lesson measures
(``lessons``).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.workflows import orders

if TYPE_CHECKING:
    from workbench.jobs.job import Job
    from workbench.ui.lessons.lesson import Found, Lesson, Setting

KIND = "lesson"


@dataclass(frozen=True, eq=False)
class LessonOrder:
    """Which lesson, with what its control says."""

    kind: ClassVar[str] = KIND

    lesson: "Lesson"
    setting: "Setting"
    seed: int

    @property
    def inputs(self) -> dict[str, Any]:
        """What identifies a measurement in the store."""
        return {
            "lesson": self.lesson.id,
            "setting": dict(self.setting),
            "seed": self.seed,
        }

    @property
    def estimate_s(self) -> float:
        """Seconds on a quiet machine, roughly."""
        return float(self.lesson.seconds)


def run_lesson(job: "Job", order: LessonOrder) -> "Found":
    """Measure what a lesson asks, inside a job."""
    found = order.lesson.measure(job, order.setting, order.seed)
    orders.keep(order, dict(found))
    return found
