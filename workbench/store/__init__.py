"""Runs on disk: SQLite for what happened, files kept by digest."""
