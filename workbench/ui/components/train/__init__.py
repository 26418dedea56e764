"""Parts of page Train."""
