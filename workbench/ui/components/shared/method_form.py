"""Inputs for a method's parameters, made from the method's own description.

Belongs here: one widget a kind of field. Does not belong here: the description
(``services.fields``).
"""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from workbench.ui.glossary import GLOSSARY, tip
from workbench.ui.services.fields import Field, fields_of


def method_form(method: str, *, key: str) -> dict[str, Any]:
    """Draw the parameters of a method; return those that differ from its defaults.

    Parameters
    ----------
    method : str
        Name of the method.
    key : str
        Prefix of the widget keys.
    """
    return params_form(fields_of(method), key=f"{key}-{method}")


def params_form(fields: Sequence[Field], *, key: str) -> dict[str, Any]:
    """Draw one input a field; return their values by name."""
    return {field.name: _widget(field, key=f"{key}-{field.name}") for field in fields}


def _widget(field: Field, *, key: str) -> Any:
    text = field.help or (tip(field.name) if field.name in GLOSSARY else None)
    if field.kind == "choice":
        return st.selectbox(
            field.label,
            field.choices,
            index=field.choices.index(field.start),
            key=key,
            help=text,
            persist_state="session",
        )
    if field.kind == "switch":
        return st.toggle(
            field.label, field.start, key=key, help=text, persist_state="session"
        )
    if field.kind == "text":
        return st.text_input(
            field.label, field.start, key=key, help=text, persist_state="session"
        )
    if field.kind == "share":
        shown = st.slider(
            f"{field.label} (%)",
            0,
            99,
            round(100 * field.start),
            key=key,
            help=text,
            persist_state="session",
        )
        return shown / 100
    return st.number_input(
        field.label,
        field.low,
        field.high,
        field.start,
        format="%.4g" if field.kind == "number" else None,
        key=key,
        help=text,
        persist_state="session",
    )
