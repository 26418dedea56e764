"""A plan put to the proof: the button, its rounds, and the one that was chosen.

Belongs here: drawing. Does not belong here: planning (``plan_panel``), proving
(``workflows.plan.prove``).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.ui.components.shared.feedback import caught
from workbench.ui.components.shared.job_panel import find, job_panel, remember
from workbench.ui.components.shared.snippets import snippets
from workbench.ui.components.shared.tables import table_height
from workbench.ui.format import count, millis, percent, points, short
from workbench.ui.notices import show_error
from workbench.ui.services import plan_proofs, recipes
from workbench.workflows import orders
from workbench.workflows.plan.prove import KIND, REPAIRS, run_proof

if TYPE_CHECKING:
    from workbench.analysis.planner.planner import Budget
    from workbench.analysis.sensitivity.rows import Sweep
    from workbench.workflows.sweep.order import SweepOrder


def plan_proof(
    sweep: "Sweep", budget: "Budget", said: str, order: "SweepOrder"
) -> None:
    """Draw how a plan is proved, and the rounds that are known.

    Parameters
    ----------
    sweep : Sweep
        The cells.
    budget : Budget
        What plans keep to.
    said : str
        The budget as an option of the command, for example "max-drop 0.01".
    order : SweepOrder
        Network and images of the sweep.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        settle = st.toggle(
            "Re-estimate batch norms",
            key="settle",
            bind="query-params",
            help="From 2,000 training images, before a plan is evaluated, as it would "
            "be before the network is used.",
        )
        epochs = st.number_input(
            "Epochs of tuning before the choice",
            0,
            5,
            0,
            key="tuneplans",
            bind="query-params",
            width=240,
            disabled=budget.limit is None,
            help="Under a limit several plans are proved, global magnitude among them. "
            "With tuning the best after it is chosen: 4,000 training images an epoch.",
        )
        epochs = 0 if budget.limit is None else int(epochs)
        try:
            asked = plan_proofs.order_of(
                sweep, budget, order, settle=settle, tune_epochs=epochs
            )
        except WorkbenchError as error:
            show_error(error)
            return
        running = find(KIND)
        busy = running is not None and not running.finished

        def begin() -> None:
            with caught():
                remember(KIND, orders.start(asked, run_proof))

        st.button(
            "Prove the plan",
            icon=":material/fact_check:",
            on_click=begin,
            disabled=busy,
            help="Prunes, evaluates on the sweep's images, measures against the dense "
            "program in turns, and repairs the plan where the sum was wrong.",
        )
        _code(said, settle=settle, epochs=epochs)
    shown = (
        f"{sweep.data}, {sweep.split} images, n = {count(sweep.base.n)}; dense and "
        "pruned program timed in turns, in units of the sweep."
    )
    mine = running is not None and running.spec["inputs"] == asked.inputs
    earlier = orders.recorded(asked)
    if running is not None and (busy or mine):
        if not mine:
            st.caption("Another plan is still being proved.")
        found: Any = running.result or {}
        job_panel(
            running,
            ["Rounds"],
            lambda view: _rounds(
                found.get("rounds", view.rows), shown, found.get("chosen")
            ),
        )
    elif earlier is not None:
        st.caption(f"Proved before, {earlier.created[:16]} UTC.")
        _rounds(earlier.results["rounds"], shown, earlier.results["chosen"])


def _rounds(
    rounds: Sequence[Mapping[str, Any]], shown: str, chosen: int | None
) -> None:
    """Draw predicted against actual, and the round that was chosen."""
    if not rounds:
        return
    column = st.column_config
    rows = [
        {
            "round": one["round"],
            "predicted": 100 * one["predicted"]["drop"],
            "actual": 100 * one["actual"]["drop"],
            "tuned": 100 * one["tuned"]["drop"] if one["tuned"] else None,
            "predicted_ms": one["predicted"]["ms"],
            "ms": one["actual"]["ms"],
            "macs": one["actual"]["macs"] / 1e6,
            "kept": one["kept"],
        }
        for one in rounds
    ]
    st.dataframe(
        pd.DataFrame(rows).dropna(axis="columns", how="all"),
        hide_index=True,
        placeholder="",
        height=table_height(len(rows), 10),
        column_config={
            "round": column.NumberColumn("Round"),
            "predicted": column.NumberColumn(
                "Predicted loss (points)", format="%.2f", help=shown
            ),
            "actual": column.NumberColumn("Lost (points)", format="%.2f", help=shown),
            "tuned": column.NumberColumn(
                "Lost when tuned (points)", format="%.2f", help=shown
            ),
            "predicted_ms": column.NumberColumn("Predicted ms", format="%.4f"),
            "ms": column.NumberColumn("ms", format="%.4f", help=shown),
            "macs": column.NumberColumn("MACs (M)", format="%.2f"),
            "kept": column.CheckboxColumn("Budget kept"),
        },
        alt=f"{len(rows)} rounds of a plan: predicted and actual loss, time and MACs",
    )
    if chosen is None:
        return
    best = rounds[chosen]
    actual = best["tuned"] or best["actual"]
    time = "" if actual["ms"] is None else f", {millis(actual['ms'])}"
    kept = "" if best["kept"] else " No round kept the budget; this one is nearest."
    text = (
        f"Chosen: round {chosen}, {points(-actual['drop'])} of top-1{time}, "
        f"{short(actual['macs'])} MACs, predicted {percent(best['predicted']['drop'])} "
        f"lost.{kept}"
    )

    def use() -> None:
        with caught():
            recipes.push(wb.Recipe.loads(best["recipe"]))

    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(text, width="stretch")
        st.button(
            "Send the proved plan to Prune", icon=":material/content_cut:", on_click=use
        )


def _code(said: str, *, settle: bool, epochs: int) -> None:
    options = " --settle" * settle + f" --tune-epochs {epochs}" * bool(epochs)
    train = 'wb.dataset_for(net, split="train")' if settle or epochs else "None"
    name, _, value = said.partition(" ")
    snippets(
        command=f"python -m workbench plan sweep.csv --{said} --verify "
        f"--rounds {REPAIRS}{options} -o recipe.yaml",
        python="from workbench.analysis.planner.planner import budget_of\n"
        "from workbench.workflows.plan.verify import verify_plan\n"
        "from workbench.workflows.plan.round import Proof, best_round\n\n"
        f"budget = budget_of(sweep, {name.replace('-', '_')}={value})\n"
        f"proof = Proof(net, val, options, settle={train}, tune_epochs={epochs})\n"
        "rounds = verify_plan(sweep, budget, proof, "
        f"rounds={REPAIRS})\n"
        "print(best_round(rounds).plan.recipe.dump())",
        key="proof-code",
        note="`sweep`, `net`, `val` and `options`: from the code beside Start.",
    )
