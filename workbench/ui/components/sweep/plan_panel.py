"""From a sweep to a recipe: meet a latency, or lose at most so many points.

Belongs here: the goal, what the plan predicts, sending it to Prune. Does not belong
here: planning (``analysis.planner``), proving (``plan_proof``).
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui import theme
from workbench.ui.components.shared.feedback import caught
from workbench.ui.components.shared.snippets import snippets
from workbench.ui.components.sweep.plan_proof import plan_proof
from workbench.ui.format import millis, points, short, size
from workbench.ui.notices import show_error
from workbench.ui.services import recipes

if TYPE_CHECKING:
    from workbench.analysis.planner.planner import PruningPlan
    from workbench.analysis.sensitivity.rows import Sweep
    from workbench.workflows.sweep.order import SweepOrder

DROP, LATENCY, MACS = "lose at most", "meet a latency", "meet MACs"


def plan_panel(sweep: "Sweep", order: "SweepOrder") -> None:
    """Draw the goal and the recipe that reaches it, or why none does."""
    from workbench.analysis.planner.planner import budget_of, make_plan

    st.subheader("From here to a recipe")
    timed = sweep.base.network_ms
    goals = (DROP, MACS) if timed is None else (DROP, LATENCY, MACS)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        goal = st.segmented_control(
            "Goal", goals, default=DROP, required=True, key="goal", bind="query-params"
        )
        limits, said = _limit(str(goal), sweep)
    try:
        budget = budget_of(sweep, **limits)
        plan = make_plan(sweep, budget, seed=recipes.seed())
    except WorkbenchError as error:
        show_error(error)
        return
    _predicted(plan, sweep)

    def use() -> None:
        with caught():
            recipes.push(plan.recipe)

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Send to Prune",
            type=theme.main_button(),
            icon=":material/content_cut:",
            on_click=use,
            disabled=not plan.rows,
            help="The recipe replaces the one in force; Undo on that page brings the "
            "former back. Apply and measure it there: a plan is a prediction.",
        )
        snippets(
            command=f"python -m workbench plan sweep.csv --{said} -o recipe.yaml",
            python=f"recipe = wb.plan(sweep, {_keyword(said)})\nprint(recipe.dump())",
            key="plan-code",
            note="`sweep` is what the code beside Start gives.",
        )
    plan_proof(sweep, budget, said, order)


def _limit(goal: str, sweep: "Sweep") -> tuple[dict[str, float], str]:
    """Draw the goal's number; return it as an argument of ``plan``, and as text."""
    if goal == DROP:
        lost = st.number_input(
            "Points of top-1",
            0.0,
            50.0,
            1.0,
            0.5,
            key="lose",
            bind="query-params",
            width=160,
        )
        return {"max_drop": lost / 100}, f"max-drop {lost / 100:g}"
    if goal == LATENCY:
        start = round(0.8 * float(sweep.base.network_ms or 1.0), 3)
        most = st.number_input(
            "Milliseconds", 0.001, None, start, format="%.3f", width=160
        )
        return {"latency_ms": most}, f"latency-ms {most:g}"
    share = st.slider("Share of the dense MACs (%)", 5, 95, 50, 5, width=260)
    macs = sweep.base.macs * share / 100
    return {"macs": macs}, f"macs {macs:.0f}"


def _keyword(option: str) -> str:
    """Return a command's option as a keyword of Python."""
    name, _, value = option.partition(" ")
    return f"{name.replace('-', '_')}={value}"


def _predicted(plan: "PruningPlan", sweep: "Sweep") -> None:
    if not plan.rows:
        st.markdown("Nothing that was measured is good enough: the plan is empty.")
        return
    shown = plan.predicted
    time = "" if shown.ms is None else f", {millis(shown.ms)}"
    rules = ", ".join(
        f"{row.subject} {row.method} {100 * row.sparsity:g}\u00a0%" for row in plan.rows
    )
    st.markdown(
        f"Predicted: {points(-shown.drop)} of top-1{time}, {short(shown.macs)} MACs, "
        f"{size(shown.bytes)}. Rules: {rules}."
    )
    st.caption(
        "Losses of layers are added up, which is a model: measure the recipe before "
        f"you believe it. Rests on n = {sweep.base.n} validation images."
    )
