"""What goes into a network and comes out of it: names, order and structure.

Belongs here: names, and the way from arguments to an order and from it to results.
Does not belong here: numbers (`program`), shapes (`graph`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from workbench.errors import WorkbenchError

Structure = Literal["tensor", "tuple", "list", "dict"]

STRUCTURES: tuple[Structure, ...] = get_args(Structure)

ONLY_INPUT, ONLY_OUTPUT = "input", "output"


@dataclass(frozen=True)
class Signature:
    """Names of inputs and outputs, in order.

    Parameters
    ----------
    inputs : tuple of str
        In the order in which they are passed by position.
    outputs : tuple of str
        Keys of a dict; "0", "1", ... of a tuple or list. Results inside of results are
        named by their path: "aux.0".
    structure : {"tensor", "tuple", "list", "dict"}
        In which results come back; "tensor" for one by itself.

    Examples
    --------
    >>> Signature(("a", "b"), ("out", "aux"), "dict").returned([1, 2])
    {'out': 1, 'aux': 2}
    """

    inputs: tuple[str, ...] = (ONLY_INPUT,)
    outputs: tuple[str, ...] = (ONLY_OUTPUT,)
    structure: Structure = "tensor"

    def ordered(self, given: Sequence[Any]) -> Sequence[Any]:
        """Return one argument for each input, in order.

        Parameters
        ----------
        given : sequence
            Arguments by position, or one mapping from names.

        Raises
        ------
        WorkbenchError
            Too few, too many, or other names.
        """
        if len(given) == 1 and isinstance(given[0], Mapping):
            named = given[0]
            if set(named) == set(self.inputs):
                return [named[name] for name in self.inputs]
            found = "inputs called " + (", ".join(map(repr, named)) or "nothing")
        elif len(given) == len(self.inputs):
            return given
        else:
            found = f"{len(given)} input{'' if len(given) == 1 else 's'}"
        names = ", ".join(map(repr, self.inputs))
        raise WorkbenchError(
            found,
            f"the network's {len(self.inputs)}: {names}"
            if len(self.inputs) > 1
            else f"one array, the network's input {names}",
            "Pass them in this order, or as one dict by name.",
        )

    def returned(self, results: Sequence[Any]) -> Any:
        """Return results, one for each output, in their structure."""
        if self.structure == "tensor":
            return results[0]
        if self.structure == "dict":
            return dict(zip(self.outputs, results, strict=True))
        return tuple(results) if self.structure == "tuple" else list(results)

    def flat(self, result: Any) -> tuple[Any, ...]:
        """Return the results of what `returned` put together."""
        if self.structure == "tensor":
            return (result,)
        return tuple(result.values()) if self.structure == "dict" else tuple(result)

    def objection(self, inputs: int, outputs: int) -> str:
        """Return what is wrong for a graph of so many inputs and outputs, or ''."""
        for kind, names, count in (
            ("inputs", self.inputs, inputs),
            ("outputs", self.outputs, outputs),
        ):
            if not all(isinstance(name, str) and name for name in names):
                return f"{kind} whose names are no text"
            if len(names) != count or len(set(names)) != count:
                return f"{len(set(names))} names for {count} {kind}"
        if self.structure not in STRUCTURES:
            return f"results in a {self.structure!r}"
        if self.structure == "tensor" and outputs != 1:
            return f"{outputs} results in one tensor"
        return ""


def default_signature(inputs: Sequence[str], outputs: Sequence[str]) -> Signature:
    """Return a signature by ids: plain for one of each, a tuple for several outputs."""
    several = len(outputs) > 1
    return Signature(
        (ONLY_INPUT,) if len(inputs) == 1 else tuple(inputs),
        tuple(map(str, range(len(outputs)))) if several else (ONLY_OUTPUT,),
        "tuple" if several else "tensor",
    )
