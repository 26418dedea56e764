"""Measurements of lessons: started as jobs, recorded, found again.

Belongs here: the job and its record. Does not belong here: what a lesson measures
(``lessons``).
"""

from typing import TYPE_CHECKING, Any

import workbench as wb

if TYPE_CHECKING:
    from workbench.jobs.job import Job
    from workbench.store.run import Run
    from workbench.ui.lessons.lesson import Found, Lesson, Setting

KIND = "lesson"


def inputs_of(lesson: "Lesson", setting: "Setting", seed: int) -> dict[str, Any]:
    """Return what identifies a measurement in the store."""
    return {"lesson": lesson.id, "setting": dict(setting), "seed": seed}


def start(lesson: "Lesson", setting: "Setting", seed: int) -> str:
    """Start a lesson's measurement in the background; return the job's id.

    Raises
    ------
    WorkbenchError
        Too many jobs are running.
    """
    from workbench.jobs.registry import registry

    inputs = inputs_of(lesson, setting, seed)

    def work(job: "Job") -> "Found":
        found = lesson.measure(job, setting, seed)
        wb.Store().add_run(KIND, inputs=inputs, results=dict(found))
        return found

    return registry().start(work, spec={"kind": KIND, "inputs": inputs}).id


def recorded(lesson: "Lesson", setting: "Setting", seed: int) -> "Run | None":
    """Return the newest finished measurement of this lesson and setting."""
    found: Run | None = wb.Store().newest(KIND, inputs_of(lesson, setting, seed))
    return found
