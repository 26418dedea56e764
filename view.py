"""What Streamlit runs for every view: page settings, then the workbench's own shell."""

from pathlib import Path

import streamlit as st

st.set_page_config(
    page_title="Pruning Workbench",
    page_icon=Path(__file__).parent / "workbench" / "ui" / "icon.png",
    layout="wide",
)

from workbench.ui import shell  # noqa: E402  (page settings must come first)
from workbench.ui.services import first_start  # noqa: E402

shell.main()
first_start.welcome()
