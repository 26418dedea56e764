"""prune."""

import streamlit as st

st.header("prune")
