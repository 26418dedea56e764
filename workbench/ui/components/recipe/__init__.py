"""Parts of page Prune."""
