"""One file per part of a page; a page only arranges these."""
