"""What the command line, the browser and Python run: one module a kind of work."""
