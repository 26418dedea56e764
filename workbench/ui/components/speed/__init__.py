"""Parts of page Speed."""
