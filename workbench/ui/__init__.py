"""The browser application: the only place that imports streamlit."""
