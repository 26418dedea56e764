"""Streamlit entry point: the server when imported, one view of a session when run."""

from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

HERE = Path(__file__)

if get_script_run_ctx(suppress_warning=True) is None:
    from workbench.ui import notices, server

    server.require_loopback(st.get_option("server.address"))
    # `streamlit run` looks for this very assignment.
    app = st.App(HERE, middleware=server.MIDDLEWARE, on_script_error=notices.unforeseen)
else:
    st.set_page_config(
        page_title="Pruning Workbench",
        page_icon=HERE.parent / "workbench" / "ui" / "icon.png",
        layout="wide",
    )

    from workbench.ui import shell  # page settings must come first
    from workbench.ui.services import first_start

    shell.main()
    first_start.welcome()
