"""The recipe as a table: one row a layer, method and sparsity editable in place.

Belongs here: the editor and the translation of an edit into a rule. Does not belong
here: undo (``recipe_history``).
"""

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.components.shared.feedback import caught
from workbench.ui.components.shared.layer_table import name_px
from workbench.ui.components.shared.tables import PERCENT, table_height
from workbench.ui.glossary import tip
from workbench.ui.services import recipes

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.method import Method
    from workbench.pruning.pruned import PrunedNetwork

_READ_ONLY = ("layer", "share", "params", "removed", "kernels", "filters")


def recipe_table(
    network: "Network", pruned: "PrunedNetwork", shares: dict[str, float]
) -> None:
    """Draw what the recipe says of every layer and what it removes.

    Parameters
    ----------
    network : Network
        The dense network.
    pruned : PrunedNetwork
        What the recipe makes of it, for the preview columns.
    shares : dict
        Layer id to share of the dense MACs.
    """
    from workbench.pruning.methods import METHODS

    version = st.session_state.get(recipes.VERSION, 0)
    key = f"recipe-editor-{version}"
    frame = _frame(network, pruned, shares)
    column = st.column_config
    edited = st.data_editor(
        frame,
        key=key,
        hide_index=True,
        height=table_height(len(frame), 14),
        disabled=_READ_ONLY,
        alt="Recipe, one row a layer",
        column_config={
            "layer": column.TextColumn(
                "Layer", pinned=True, width=name_px(list(frame["layer"]))
            ),
            "share": column.NumberColumn(
                "of MACs", width=66, format=PERCENT, help=tip("share of MACs")
            ),
            "method": column.SelectboxColumn(
                "Method",
                options=list(METHODS),
                required=True,
                width=84,
                help=tip("method"),
            ),
            "sparsity": column.NumberColumn(
                "Asked (%)",
                width=80,
                min_value=0,
                max_value=99,
                step=0.1,
                format="%.1f",
                help="Type a number: the method's parameters follow it.",
            ),
            "params": column.TextColumn(
                "Parameters", width=180, help="As in the recipe file."
            ),
            "removed": column.ProgressColumn(
                "Removed",
                width=92,
                format=PERCENT,
                min_value=0,
                max_value=100,
                help="Zeros / weights that this recipe really makes.",
            ),
            "kernels": column.NumberColumn(
                "Kernels", width=60, help="Kernels that go whole."
            ),
            "filters": column.NumberColumn(
                "Filters", width=54, help="Filters that go whole."
            ),
        },
    )

    changed = (edited["method"] != frame["method"]) | (
        edited["sparsity"] != frame["sparsity"]
    )
    if changed.any():
        _take(network, frame[changed], edited[changed])
        st.rerun()


def _frame(
    network: "Network", pruned: "PrunedNetwork", shares: dict[str, float]
) -> pd.DataFrame:
    from workbench.pruning.recipe.assign import assign

    rows: list[dict[str, Any]] = []
    said = assign(pruned.recipe, network)
    for one, report in zip(said, pruned.report.layers, strict=True):
        params = {}
        if one.rule is not None and one.method != "none":
            params = one.rule.model_dump()
            params.pop("match")
            params.pop("method")
        rows.append(
            {
                "layer": one.layer.id,
                "method": one.method,
                "sparsity": _asked(params, report.sparsity),
                "removed": round(100 * report.sparsity, 1),
                "kernels": report.kernels_removed,
                "filters": report.filters_removed,
                "share": round(100 * shares[one.layer.id], 1),
                "params": ", ".join(f"{k}: {_plain(v)}" for k, v in params.items()),
            }
        )
    return pd.DataFrame(rows)


def _asked(params: dict[str, Any], removed: float) -> float:
    return round(100 * float(params.get("sparsity", removed)), 1)


def _plain(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _take(network: "Network", before: pd.DataFrame, after: pd.DataFrame) -> None:
    """Turn edited rows into rules; an impossible one is said and not kept."""
    from workbench.pruning.recipe.rule import method_named

    recipe = recipes.current()
    with caught():
        for old, new in zip(
            before.to_dict("records"), after.to_dict("records"), strict=True
        ):
            layer = network.layer(str(new["layer"]))
            typed = new["sparsity"] != old["sparsity"]
            wanted = float(new["sparsity"]) / 100 if typed or old["sparsity"] else 0.6
            if not 0 <= wanted < 1:
                raise WorkbenchError(
                    f"sparsity {100 * wanted:g} % for layer '{layer.id}'",
                    "0 to 99 %",
                    "Type a number in that range.",
                )
            name = str(new["method"])
            name = "magnitude" if typed and name == "none" else name
            method = method_named(name)
            params = _reach(method, wanted, exact=typed)
            refusal = method.refuses(layer, method.params(**params))
            if refusal is not None:
                raise refusal.raised()
            recipe = recipes.with_rule(recipe, layer.id, name, **params)
        recipes.push(recipe)
    st.session_state[recipes.VERSION] = st.session_state.get(recipes.VERSION, 0) + 1


def _reach(method: "Method", wanted: float, *, exact: bool) -> dict[str, object]:
    """Return parameters for a row: of the sparsity that was typed, or usual ones.

    Parameters
    ----------
    method : Method
        The row's method.
    wanted : float
        Sparsity of the row, 0..1.
    exact : bool
        Whether somebody typed it; otherwise a method whose parameters all have
        defaults starts with these.
    """
    fields = method.params.model_fields.values()
    if not exact and not any(field.is_required() for field in fields):
        return {}
    return method.at_sparsity(wanted)
