"""Errors that tell people what to do next.

Belongs here: the one base class of every error the workbench raises on
purpose. Does not belong here: errors of a single package (they subclass this
one where they are raised).
"""


class WorkbenchError(Exception):
    """An error that says what was found, what was expected and what to do next.

    Parameters
    ----------
    found : str
        What the workbench met, with names and values.
    expected : str
        What would have been right.
    next_step : str
        What the user can do about it.

    Examples
    --------
    >>> str(WorkbenchError("sparsity 1.7", "a number in 0..1", "Write 0.7."))
    'sparsity 1.7; expected a number in 0..1. Write 0.7.'
    """

    def __init__(self, found: str, expected: str, next_step: str) -> None:
        super().__init__(f"{found}; expected {expected}. {next_step}")
        self.found = found
        self.expected = expected
        self.next_step = next_step
