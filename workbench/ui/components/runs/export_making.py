"""Inputs of the export variants that have some, and what factors did to each layer.

Belongs here: the inputs, the table. Does not belong here: making networks
(``services.exports``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from workbench.ui.components.shared.tables import PERCENT, in_percent, table_height
from workbench.ui.glossary import tip
from workbench.ui.services import exports, recipes

if TYPE_CHECKING:
    from workbench.compression.factorise import FactorRow


def export_making(variant: str) -> exports.Making:
    """Draw the inputs of a variant; return how it is to be made."""
    seed = recipes.seed()
    if variant == exports.PALETTE:
        bits = st.text_input(
            "Bits a weight",
            exports.PALETTE_BITS,
            key="exportbits",
            bind="query-params",
            width=260,
            help="One number, or one a kind of layer: 8:conv,5:fc; the last match "
            f"wins.\n\n{tip('palette')}",
        )
        return exports.Making(seed=seed, bits=bits)
    if variant == exports.FACTORS:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            form = st.segmented_control(
                "Factors",
                exports.FORMS,
                default=exports.FORMS[0],
                required=True,
                key="form",
                bind="query-params",
                help="low-rank: singular values. spatial: k × 1, then 1 × k. "
                "kronecker: sums of Kronecker products.",
            )
            share = st.slider(
                "Weights after / before (%)",
                5,
                95,
                50,
                5,
                key="share",
                bind="query-params",
                width=260,
            )
        return exports.Making(seed=seed, form=str(form), share=share / 100)
    return exports.Making(seed=seed)


def factor_rows(rows: "Sequence[FactorRow]") -> None:
    """Draw what the factors did to each layer."""
    column = st.column_config
    table = pd.DataFrame(
        [
            {
                "layer": row.id,
                "rank": row.rank,
                "error": row.error,
                "before": row.params / 1e3,
                "after": row.factor_params / 1e3,
                "macs": row.macs / 1e6,
                "factor_macs": row.factor_macs / 1e6,
            }
            for row in rows
        ]
    )
    st.dataframe(
        in_percent(table, ("error",)),
        hide_index=True,
        height=table_height(len(table), 8),
        width="content",
        column_config={
            "layer": column.TextColumn("Layer"),
            "rank": column.NumberColumn(
                "Rank", help="Terms that are left of the product."
            ),
            "error": column.NumberColumn(
                "Relative error",
                format=PERCENT,
                help="Root of the squared differences of the weights over that of the "
                "weights: nothing was trained yet.",
            ),
            "before": column.NumberColumn(
                "Weights (k)", format="%.1f", help=tip("parameters")
            ),
            "after": column.NumberColumn(
                "After (k)", format="%.1f", help="Weights of the factors together."
            ),
            "macs": column.NumberColumn(
                "MACs (M)", format="%.2f", help=tip("dense MACs")
            ),
            "factor_macs": column.NumberColumn(
                "After (M)", format="%.2f", help="MACs of the factors together."
            ),
        },
        alt=f"{len(table)} layers and their factors",
    )
