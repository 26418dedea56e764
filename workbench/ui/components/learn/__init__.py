"""Parts of page Learn."""
