"""What an importer says about every argument of an operation.

Belongs here: the declaration, the same for torch and ONNX. Does not belong here: the
tables themselves (``aten_ops``, ``onnx_table``).

Each argument is read, or may only have certain values, or does not matter and the
table says why. One that nobody decided about is refused as soon as it is not at its
default, so that no argument is passed over in silence.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Operation:
    """How one operation is translated and which of its arguments count.

    Parameters
    ----------
    translate : callable
        Makes the nodes.
    read : frozenset of str
        Arguments that the translation honours, or refuses by name.
    only : mapping of str to tuple
        Arguments that are refused unless they have one of these values.
    ignored : mapping of str to str
        Arguments that change no number, with the reason.
    """

    translate: Callable[..., Any]
    read: frozenset[str]
    only: Mapping[str, tuple[Any, ...]]
    ignored: Mapping[str, str]

    def undecided(self, names: Iterable[str]) -> list[str]:
        """Return those of some arguments that this declaration does not name."""
        known = {*self.read, *self.only, *self.ignored}
        return [name for name in names if name not in known]

    def objection(
        self, given: Mapping[str, Any], defaults: Mapping[str, Any]
    ) -> str | None:
        """Return the first argument with a value that is not covered, in words.

        Parameters
        ----------
        given : mapping of str to value
            Arguments of a call.
        defaults : mapping of str to value
            What an argument that nobody decided about may have.

        Examples
        --------
        >>> dropout = operation(print, "input", only={"train": (False,)})
        >>> dropout.objection({"input": 1, "train": True}, {})
        'train=True'
        """
        for name, value in given.items():
            if name in self.read or name in self.ignored:
                continue
            allowed = self.only.get(name, (defaults.get(name),))
            if not any(_same(value, one) for one in allowed):
                return f"{name}={_shown(value)}"
        return None


def operation(
    translate: Callable[..., Any],
    read: str = "",
    *,
    only: Mapping[str, tuple[Any, ...]] | None = None,
    ignored: Mapping[str, str] | None = None,
) -> Operation:
    """Return a declaration; ``read`` lists names with spaces between them."""
    return Operation(translate, frozenset(read.split()), only or {}, ignored or {})


def _same(value: Any, allowed: Any) -> bool:
    if isinstance(value, list | tuple):
        return isinstance(allowed, list | tuple) and list(value) == list(allowed)
    plain = isinstance(value, bool | int | float | str | bytes)
    return value is allowed or (plain and bool(value == allowed))


def _shown(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return repr(value) if shape is None else f"a tensor of shape {tuple(shape)}"
