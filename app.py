"""Streamlit entry point: the server. Every view runs view.py."""

from pathlib import Path

import streamlit as st

from workbench.ui import notices, server

server.require_loopback(st.get_option("server.address"))

VIEW = Path(__file__).with_name("view.py")

# `streamlit run` looks for this very assignment.
app = st.App(
    VIEW,
    middleware=server.MIDDLEWARE,
    on_script_error=notices.unforeseen,
)
