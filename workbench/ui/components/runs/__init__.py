"""Parts of page Runs and export."""
