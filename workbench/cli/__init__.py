"""The command line: the same calls as the browser, one file per command."""
