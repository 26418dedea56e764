"""What an address may ask for, checked before any widget reads it.

Widgets that are bound to the address take what they can and are silent about the rest;
Streamlit itself fails on numbers without end. Belongs here: limits, and saying what was
not taken. Does not belong here: the recipe of a link (``links``).
"""

import math
from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.state import get_session_state

from workbench.errors import WorkbenchError
from workbench.ui.notices import show_error
from workbench.ui.services import catalog

MOST_SEED = 2**31 - 1
MOST_CHARACTERS = 300
# A packed recipe is longer; ``services.recipes`` has its own limit for what is in it.
_LONG = {"recipe": 200_000}


def refuse(names: Sequence[str]) -> None:
    """Take out of the address what cannot be taken, and say so.

    Parameters
    ----------
    names : sequence of str
        The models that there are.
    """
    for name in tuple(st.query_params):
        for value in st.query_params.get_all(name):
            expected = _expected(name, value, names)
            if expected is not None:
                _forget(name)
                show_error(
                    WorkbenchError(
                        f"{name}={_short(value)} in the address",
                        expected,
                        "Correct the address; the page goes on without it.",
                    )
                )
                break


def _expected(name: str, value: str, names: Sequence[str]) -> str | None:
    """Return what a value should have been, None when it can be taken."""
    most = _LONG.get(name, MOST_CHARACTERS)
    if len(value) > most:
        return f"at most {most:,} characters"
    if name == "model" and value not in names:
        return f"a network that this session has: {', '.join(names)}"
    if name == "data" and value not in _data():
        return f"one of {', '.join(catalog.DATA)}"
    if name == "seed" and not (value.isdecimal() and int(value) <= MOST_SEED):
        return f"a whole number from 0 to {MOST_SEED:,}"
    if not _finite(value):
        return "a finite number"
    return None


def _forget(name: str) -> None:
    """Take a parameter out of the address, and of what bound widgets begin with."""
    with get_session_state().query_params() as parameters:
        del parameters[name]
        parameters.set_initial_query_params_from_current()


def _data() -> set[str]:
    return {*catalog.DATA, *(choice.title for choice in catalog.DATA.values())}


def _finite(value: str) -> bool:
    """Return whether a text is no number at all, or a finite one."""
    try:
        return math.isfinite(float(value))
    except ValueError:
        return True


def _short(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:37]}..."
