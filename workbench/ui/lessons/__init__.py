"""One file per lesson."""
