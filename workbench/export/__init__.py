"""Every output format, each with a check that reads the file back."""

from workbench.callable_package import make_callable

make_callable(__name__, "workbench.export.export:export")
