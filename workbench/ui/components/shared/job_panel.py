"""A running job: what it does, how far it is, Cancel; found again after a reload.

Belongs here: progress and the link between a page and its job. Does not belong here:
the work.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.components.shared.feedback import caught
from workbench.ui.format import percent
from workbench.ui.notices import show_error

if TYPE_CHECKING:
    from workbench.jobs.job import JobView

TICK_S = 0.5


def remember(name: str, job_id: str) -> None:
    """Link the page to a job, in the address and in the session."""
    st.query_params[name] = job_id
    st.session_state[f"job-{name}"] = job_id


def launch(name: str, start: Callable[..., str], *arguments: object) -> None:
    """Start a job in a button's callback and link the page to it.

    A page passes this instead of a function of its own: Streamlit keeps callbacks, and
    a function of a page keeps all that the page held, such as a pruned network.
    """
    with caught():
        remember(name, start(*arguments))


def find(name: str) -> "JobView | None":
    """Return the job that the page's address or the session names, if it is known.

    An address that names another is told so, once.
    """
    from workbench.jobs.registry import registry

    kept = f"job-{name}"
    linked = st.query_params.get(name)
    job_id = linked or st.session_state.get(kept)
    if job_id is None:
        return None
    try:
        found = registry().get(job_id).view()
    except WorkbenchError as error:
        st.session_state.pop(kept, None)
        if linked:
            del st.query_params[name]
            show_error(error)
        return None
    st.session_state[kept] = job_id
    return found


def job_panel(
    view: "JobView", steps: Sequence[str], draw: "Callable[[JobView], None]"
) -> None:
    """Draw a job and its results so far; the page follows while it runs.

    Only the progress ticks; the rest is drawn again when there is something new.

    Parameters
    ----------
    view : JobView
        The job as it is now.
    steps : sequence of str
        What each cell does, for the progress text; a single one is shown with the
        share of cells done.
    draw : callable
        Draws the results that there are.
    """
    from workbench.jobs.registry import registry

    @st.fragment(run_every=TICK_S)
    def live() -> None:
        now = registry().get(view.id).view()
        if now.finished or len(now.rows) != len(view.rows):
            st.rerun()
        _progress(now, steps)

    if not view.finished:
        live()
    elif view.state == "cancelled":
        st.info("Cancelled. What was known by then is kept.", icon=":material/info:")
    elif view.error is not None:
        show_error(view.error)
    draw(view)


def _progress(view: "JobView", steps: Sequence[str]) -> None:
    total = max(view.total, len(steps))
    if len(steps) == 1:
        text = f"{steps[0]}: {percent(view.done / total, 0)}"
    else:
        step = steps[min(view.done, len(steps) - 1)]
        text = f"Step {min(view.done + 1, total)} of {total}: {step}"
    left = "" if not view.eta_s else f", about {view.eta_s:.0f} s left"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(
            min(view.done / total, 1.0),
            text=f"{text} ({view.elapsed_s:.0f} s so far{left})",
        )
        st.button(
            "Cancel",
            key=f"cancel-{view.id}",
            icon=":material/stop_circle:",
            on_click=_cancel,
            args=(view.id,),
        )


def _cancel(job_id: str) -> None:
    from workbench.jobs.registry import registry

    registry().get(job_id).cancel()
