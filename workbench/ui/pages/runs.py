"""runs."""

import streamlit as st

st.header("runs")
