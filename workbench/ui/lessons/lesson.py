"""What every lesson is made of; the files beside this one all have these parts.

Belongs here: the record. Does not belong here: how a lesson is drawn
(``components.lesson_view``), any single lesson.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.ui.charts.frame import Figure

if TYPE_CHECKING:
    from workbench.jobs.job import Job

Setting = Mapping[str, Any]
"""What the learner's control says, JSON-ready."""

Found = Mapping[str, Any]
"""What a measurement found, JSON-ready."""


@dataclass(frozen=True)
class Question:
    """One question and its answer."""

    text: str
    answer: str


@dataclass(frozen=True)
class Result:
    """A measured result: its pictures and the sentence that it supports."""

    figures: tuple[Figure, ...]
    sentence: str


@dataclass(frozen=True)
class Lesson:
    """One lesson.

    Parameters
    ----------
    id : str
        As in the address.
    title : str
        What is learnt, in a line.
    aim : str
        What the learner can do afterwards.
    story : str
        A few sentences before the figure.
    control : callable () -> Setting
        Draws the one thing to move; returns what it says.
    figure : callable (Setting, seed) -> Figure
        The interactive picture.
    measures : str
        What is measured on this machine, and how.
    seconds : int
        How long that takes on a quiet core, roughly.
    measure : callable (Job, Setting, seed) -> Found
        Measures through the public API; runs in a job's thread, draws nothing.
    result : callable (Found) -> Result
        Pictures and sentence of a measurement.
    questions : tuple of Question
        Three.
    source : str
        Paper and section.
    """

    id: str
    title: str
    aim: str
    story: str
    control: Callable[[], Setting]
    figure: Callable[[Setting, int], Figure]
    measures: str
    seconds: int
    measure: "Callable[[Job, Setting, int], Found]"
    result: Callable[[Found], Result]
    questions: tuple[Question, Question, Question]
    source: str
