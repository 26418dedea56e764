"""Undo and redo: immutable states and a position among them.

Belongs here: the value. Does not belong here: where a session keeps it (``recipes``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import eq
from typing import Generic, TypeVar

State = TypeVar("State")

LIMIT = 100
"""States kept; the oldest goes first."""


@dataclass(frozen=True)
class History(Generic[State]):
    """States in the order they were made, and which of them is current.

    Examples
    --------
    >>> h = History(("a",)).push("b").push("c").undo()
    >>> h.current, h.can_redo, h.push("d").states
    ('b', True, ('a', 'b', 'd'))
    """

    states: tuple[State, ...]
    position: int = 0

    @property
    def current(self) -> State:
        """The state in force."""
        return self.states[self.position]

    @property
    def can_undo(self) -> bool:
        """Whether there is an older state."""
        return self.position > 0

    @property
    def can_redo(self) -> bool:
        """Whether an undone state is ahead."""
        return self.position < len(self.states) - 1

    def push(self, state: State) -> "History[State]":
        """Return the history with a new current state; what was undone is dropped."""
        if state == self.current:
            return self
        kept = (*self.states[: self.position + 1], state)[-LIMIT:]
        return History(kept, len(kept) - 1)

    def go_to(
        self, state: State, same: Callable[[State, State], bool] = eq
    ) -> "History[State]":
        """Return the history with a state in force: a known one, or else a new one.

        Of several known ones the nearest is taken, and the states after it stay.

        Examples
        --------
        >>> h = History(("a", "b", "c"), 2).go_to("a")
        >>> h.current, h.redo().current, h.go_to("d").states
        ('a', 'b', ('a', 'd'))
        """
        known = [at for at, one in enumerate(self.states) if same(one, state)]
        if not known:
            return self.push(state)
        return History(self.states, min(known, key=lambda at: abs(at - self.position)))

    def undo(self) -> "History[State]":
        """Return the history one state back, or itself at the oldest."""
        return History(self.states, max(0, self.position - 1))

    def redo(self) -> "History[State]":
        """Return the history one state ahead, or itself at the newest."""
        return History(self.states, min(len(self.states) - 1, self.position + 1))
