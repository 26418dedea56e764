"""speed."""

import streamlit as st

st.header("speed")
