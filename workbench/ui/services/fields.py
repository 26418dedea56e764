"""A method's parameters as a plain description of input fields.

Belongs here: reading the pydantic schema, so that a new method appears in the browser
without a line of UI code. Does not belong here: widgets (``components.method_form``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from workbench.pruning.criteria import CRITERIA
from workbench.pruning.methods import METHODS

Kind = Literal["share", "number", "integer", "choice", "switch", "text"]

_LABELS: Mapping[str, str] = {
    "sparsity": "Sparsity",
    "connectivity": "Connectivity (kernels removed)",
    "patterns": "Patterns in the dictionary (K)",
    "set": "Dictionary",
    "scope": "Scope",
    "floor": "Floor per layer",
    "criterion": "Criterion",
    "match": "Layers to convert",
    "balanced": "Same number in every filter",
    "round_to": "Round kept channels to a multiple of",
    "s": "Threshold in standard deviations (s)",
    "lam": "Weight of the penalty (λ)",
    "switch": "Share of the epochs before the cut",
    "target": "MACs to reach, share of dense",
    "threshold": "Stripes below this value go",
    "p": "One kernel in P stays whole (P)",
    "n": "Keep n",
    "m": "of every m",
    "tile": "Outputs of a tile (m × m)",
    "relu": "Move ReLUs into the Winograd domain",
    "rounds": "Rounds",
    "rate": "Removed a round",
    "rewind": "Rewind to step",
    "control": "Control from other random weights",
}
_STARTS: Mapping[str, Any] = {
    "sparsity": 0.6,
    "connectivity": 0.3,
    "patterns": 8,
    "s": 0.6,
    "p": 4,
    "target": 0.5,
}


@dataclass(frozen=True)
class Field:
    """One parameter of a method.

    Parameters
    ----------
    name : str
        As written in recipes.
    label : str
        As people read it.
    kind : Kind
        "share" is a number in 0..1.
    start : object
        Value that the form starts with.
    low, high : float
        Limits of a number, inclusive.
    choices : tuple of str
        Of a choice.
    help : str
        The method's own description.
    """

    name: str
    label: str
    kind: Kind
    start: Any
    low: float = 0.0
    high: float = 1.0
    choices: tuple[str, ...] = ()
    help: str = ""


def fields_of(method: str) -> tuple[Field, ...]:
    """Return the parameters of a method in the order of its model.

    Examples
    --------
    >>> [field.name for field in fields_of("magnitude")]
    ['sparsity', 'scope', 'floor', 'criterion']
    """
    found = fields_of_model(METHODS[method].params)
    # Connectivity makes 'pattern' into 'pconv', which is a method of its own here.
    hidden = {"connectivity", "balanced"} if method == "pattern" else set()
    return tuple(field for field in found if field.name not in hidden)


def fields_of_model(params: type[BaseModel]) -> tuple[Field, ...]:
    """Return the fields of any model of parameters, in their order."""
    schema = params.model_json_schema().get("properties", {})
    return tuple(_field(name, entry) for name, entry in schema.items())


def _field(name: str, entry: Mapping[str, Any]) -> Field:
    entry = {**entry, **next(iter(entry.get("anyOf", ())), {})}
    start = _STARTS.get(name, entry.get("default"))
    label = _LABELS.get(name, name)
    text = entry.get("description", "")
    if name == "criterion":
        return Field(name, label, "choice", start, choices=tuple(CRITERIA), help=text)
    if "enum" in entry:
        label = _LABELS["tile"] if name == "m" else label
        return Field(
            name, label, "choice", start, choices=tuple(entry["enum"]), help=text
        )
    if entry["type"] == "boolean":
        return Field(name, label, "switch", start, help=text)
    if entry["type"] == "string":
        return Field(name, label, "text", start or "", help=text)
    low = entry.get("minimum", entry.get("exclusiveMinimum", 0))
    high = entry.get("maximum", entry.get("exclusiveMaximum"))
    start = low if start is None else start
    if entry["type"] == "integer":
        return Field(name, label, "integer", start, low, high or 1024, help=text)
    if high == 1:
        return Field(name, label, "share", start, low, 0.99, help=text)
    low = max(low, min(0.01, start))
    return Field(name, label, "number", start, low, high or 100.0, help=text)
