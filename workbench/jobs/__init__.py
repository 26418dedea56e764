"""One job runner for the command line and the browser."""
