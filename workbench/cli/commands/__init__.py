"""One file per command: each has a function `run` that typer turns into a command."""
