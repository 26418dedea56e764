"""Callbacks of other training libraries: one file each, imported when asked for."""
