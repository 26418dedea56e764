"""A rule of a recipe: the layers it means, the method, the method's parameters.

Belongs here: ``Rule`` and ``Finetune``, validated without a file. Does not belong
here: the recipe as a whole and its file (``recipe``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SerializeAsAny,
    model_serializer,
    model_validator,
)

from workbench.pruning.method import Method, MethodParams
from workbench.pruning.methods import METHODS
from workbench.pruning.recipe.errors import RecipeError, build

_OWN = ("match", "method")


def method_named(name: object) -> Method:
    """Return the method of that name.

    Raises
    ------
    RecipeError
        There is none.
    """
    if isinstance(name, str) and name in METHODS:
        return METHODS[name]
    raise RecipeError(
        f"method {name!r}",
        "one of " + ", ".join(METHODS),
        "Choose one of these.",
        path=("method",),
    )


class Rule(BaseModel):
    """One line of a recipe: the layers it means, the method, its parameters.

    Made from the flat form that recipes have, ``Rule.of("conv1", "magnitude",
    sparsity=0.8)``; ``params`` is the method's own model.

    Examples
    --------
    >>> Rule.of("layer3.*", "pattern", patterns=8).params.count
    8
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: str
    method: str
    params: SerializeAsAny[MethodParams]
    _place: str = PrivateAttr("")

    @model_validator(mode="before")
    @classmethod
    def _from_flat(cls, values: object) -> object:
        if not isinstance(values, Mapping):
            return values
        if isinstance(values.get("params"), MethodParams):
            return values
        for key in _OWN:
            if key not in values:
                raise RecipeError(
                    f"a rule without '{key}'",
                    "match, method and the method's parameters",
                    f"Add '{key}'.",
                )
        if not isinstance(values["match"], str) or not values["match"]:
            raise RecipeError(
                f"match: {values['match']!r}",
                "a layer id or a pattern such as 'layer3.*'",
                "Put the pattern in quotes.",
                path=("match",),
            )
        row = method_named(values["method"])
        rest = {str(key): values[key] for key in values if key not in _OWN}
        params = build(row.params, rest, f"method '{row.name}'")
        return {"match": values["match"], "method": row.name, "params": params}

    @model_serializer(mode="plain")
    def _flat(self) -> dict[str, Any]:
        params = self.params.model_dump(exclude_defaults=True)
        return {"match": self.match, "method": self.method, **params}

    @classmethod
    def of(cls, match: str, method: str, **params: object) -> Self:
        """Return a rule from its flat form.

        Raises
        ------
        RecipeError
            Unknown method, unknown parameter or impossible value.
        """
        return cls.model_validate({"match": match, "method": method, **params})

    @property
    def explicit(self) -> bool:
        """Whether the rule names one layer, without a wildcard."""
        return not any(sign in self.match for sign in "*?[")

    @property
    def place(self) -> str:
        """Where the rule stands, for messages: "recipe.yaml line 5"."""
        return self._place or f"rule '{self.match}'"

    def at(self, place: str) -> Self:
        """Return the same rule, standing at ``place``."""
        copy = self.model_copy()
        copy._place = place
        return copy

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rule):
            return NotImplemented
        mine = (self.match, self.method, self.params)
        return mine == (other.match, other.method, other.params)

    def __hash__(self) -> int:
        return hash((self.match, self.method, self.params))


class Finetune(BaseModel):
    """How to train after pruning: epochs, learning rate, schedule."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: Annotated[int, Field(ge=1, description="passes over the training images")]
    lr: Annotated[float, Field(gt=0, description="peak learning rate")] = 0.01
    schedule: Literal["one-shot", "iterative", "gradual", "admm"] = "one-shot"
