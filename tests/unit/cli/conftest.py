"""Every test of a command may ask for the shell and for a recipe file."""

from tests.support.shell import recipe, shell

__all__ = ["recipe", "shell"]
