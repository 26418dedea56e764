"""Parts of page Model."""
