"""The frame around every page: navigation, and what every link must carry.

Belongs here: model, data and seed (bound to the URL, drawn before the page, so that
they survive page changes) and the list of pages. Does not belong here: any page.
"""

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from workbench.ui import address, glossary, links, teaching, unseen
from workbench.ui.components.shared.feedback import show_problem
from workbench.ui.notices import guard
from workbench.ui.services import catalog

_PAGES_DIR = Path(__file__).parent / "pages"


@dataclass(frozen=True)
class PageLink:
    """A page: its file, its name in the navigation, its icon, what it is for."""

    file: str
    title: str
    icon: str
    help: str


PAGES = (
    PageLink("model.py", "Model", ":material/schema:", "The network and its accuracy"),
    PageLink("kernels.py", "Kernels", ":material/grid_on:", "Every kernel of a layer"),
    PageLink("prune.py", "Prune", ":material/content_cut:", "Recipe, accuracy, time"),
    PageLink("sensitivity.py", "Sensitivity", ":material/grid_view:", "Layer by layer"),
    PageLink("speed.py", "Speed", ":material/speed:", "Measured per layer and engine"),
    PageLink("train.py", "Train", ":material/model_training:", "Bring accuracy back"),
    PageLink("learn.py", "Learn", ":material/school:", "Ten short lessons"),
    PageLink("runs.py", "Runs and export", ":material/save:", "Compare, take away"),
)


def main() -> None:
    """Draw the shell, then run the page that the address names."""
    pages = [
        st.Page(
            _PAGES_DIR / link.file,
            title=link.title,
            icon=link.icon,
            url_path=Path(link.file).stem,
            default=position == 0,
            help=link.help,
        )
        for position, link in enumerate(PAGES)
    ]
    st.logo(Path(__file__).parent / "logo.svg", size="small")
    page: Any = st.navigation(
        pages, position="hidden" if teaching.hidden("pages") else "top"
    )
    unseen.style()
    with guard():
        with st.spinner("Loading PyTorch…") if _first() else nullcontext():
            names = catalog.model_names()
        address.refuse(names)
        links.hold()
        _controls(names)
        links.follow()
        links.carry()
        show_problem()
        page.run()


def _first() -> bool:
    """Return whether this process has yet to import PyTorch, which takes seconds."""
    return "torch" not in sys.modules


def _controls(names: Sequence[str]) -> None:
    """Draw what every permalink needs, model, data and seed."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        with teaching.seen_unless_hidden("model"):
            _model(names)
        with teaching.seen_unless_hidden("data"):
            _data()
        with teaching.seen_unless_hidden("seed"):
            _seed()
        st.container(width="stretch")
        if not teaching.hidden("words"):
            _words()
        teaching.link_box()


def _model(names: Sequence[str]) -> None:
    st.selectbox(
        "Model",
        names,
        key="model",
        bind="query-params",
        help="A sample network, or one you uploaded on the Model page.",
        width=260,
    )


def _data() -> None:
    st.selectbox(
        "Data",
        tuple(catalog.DATA),
        format_func=lambda key: catalog.DATA[key].title,
        key="data",
        bind="query-params",
        help=catalog.DATA_HELP,
        width=220,
    )


def _seed() -> None:
    st.number_input(
        "Seed",
        min_value=0,
        max_value=address.MOST_SEED,
        key="seed",
        bind="query-params",
        help="Of everything random, so that a link gives the same result again.",
        width=120,
    )


def _words() -> None:
    with st.popover("Words", icon=":material/menu_book:"):
        for term in glossary.GLOSSARY.values():
            formula = f"  \n`{term.formula}`" if term.formula else ""
            st.markdown(f"**{term.name}**: {term.meaning}{formula}")
