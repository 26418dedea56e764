"""A lesson on the screen: aim, figure, measurement, questions, source.

Belongs here: the order of the parts, and leaving out what a teacher hid. Does not
belong here: any single lesson (``lessons``).
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.ui import teaching, theme
from workbench.ui.charts import frame
from workbench.ui.components.shared.feedback import caught
from workbench.ui.components.shared.job_panel import find, job_panel, remember
from workbench.ui.services import recipes
from workbench.ui.services.lesson_runs import LessonOrder, run_lesson
from workbench.workflows import orders

if TYPE_CHECKING:
    from workbench.jobs.job import JobView
    from workbench.ui.lessons.lesson import Lesson, Setting

_JOB = "measuring"


def lesson_view(lesson: "Lesson") -> None:
    """Draw a lesson; its control stands beside the story, its figure below."""
    seed = recipes.seed()
    st.markdown(f"**Aim.** {lesson.aim}")
    left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
    left.markdown(lesson.story)
    with right, teaching.unless_hidden("controls"):
        setting = lesson.control()
    frame.show(lesson.figure(setting, seed), key=f"lesson-{lesson.id}")
    if not teaching.hidden("measure"):
        _measurement(lesson, setting, seed)
    if not teaching.hidden("questions"):
        _questions(lesson)
    st.caption(f"Source: {lesson.source}.")


def _measurement(lesson: "Lesson", setting: "Setting", seed: int) -> None:
    st.subheader("Measured on this machine")
    running = find(_JOB)
    order = LessonOrder(lesson, setting, seed)
    inputs = order.inputs

    def start() -> None:
        with caught():
            remember(_JOB, orders.start(order, run_lesson))

    st.markdown(lesson.measures)
    st.button(
        "Measure",
        type=theme.main_button(),
        icon=":material/play_arrow:",
        on_click=start,
        disabled=running is not None and not running.finished,
    )

    def draw(view: "JobView") -> None:
        if view.state == "done" and isinstance(view.result, dict):
            _result(lesson, view.result)

    if running is not None and (
        not running.finished or running.spec.get("inputs") == inputs
    ):
        if running.spec.get("inputs") != inputs:
            st.caption("Another measurement is still running.")
        job_panel(running, ["Measuring"], draw)
        return
    earlier = orders.recorded(order)
    if earlier is None:
        st.caption(
            f"Not measured yet with this setting: about {lesson.seconds} s on a quiet "
            "machine."
        )
    else:
        st.caption(f"Measured before, {earlier.created[:16]} UTC.")
        _result(lesson, dict(earlier.results))


def _result(lesson: "Lesson", found: "dict[str, object]") -> None:
    result = lesson.result(found)
    st.markdown(result.sentence)
    for position, figure in enumerate(result.figures):
        frame.show(figure, key=f"lesson-{lesson.id}-result-{position}")


def _questions(lesson: "Lesson") -> None:
    st.subheader("Three questions")
    for number, question in enumerate(lesson.questions, start=1):
        if teaching.hidden("answers"):
            st.markdown(f"{number}. {question.text}")
            continue
        with st.expander(f"{number}. {question.text}"):
            st.markdown(question.answer)
