"""The recipe: which layers are pruned by which method, as a value and as a file.

Belongs here: the models, their validation and their round trip. Does not belong here:
finding the layers of a network that a rule means (``assign``) and pruning (``prune``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
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
from workbench.pruning.recipe_errors import RecipeError, build, unknown_key
from workbench.pruning.recipe_yaml import Lines, flow, parse, text_of

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
    schedule: Literal["one-shot", "gradual"] = "one-shot"


class Recipe(BaseModel):
    """What to prune and how; the same file drives browser, command line and Python.

    Parameters
    ----------
    version : 1
        Of the format.
    model : str, optional
        Informative: a recipe applies to any network whose layers match.
    seed : int
        Of everything random in the recipe.
    layers : tuple of Rule
        The last rule that matches a layer decides.
    finetune : Finetune, optional
        Training afterwards.

    Examples
    --------
    >>> print(Recipe.uniform("magnitude", 0.8).dump(), end="")
    version: 1
    seed: 0
    layers:
      - {match: "*", method: magnitude, sparsity: 0.8}
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    model: str | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    layers: tuple[Rule, ...] = ()
    finetune: Finetune | None = None

    @classmethod
    def uniform(
        cls, method: str, sparsity: float, *, match: str = "*", **params: object
    ) -> Self:
        """Return a recipe of one rule that brings all matching layers to a sparsity.

        Parameters
        ----------
        method : str
            Key of ``METHODS``.
        sparsity : float
            0 <= sparsity < 1; the method says which of its parameters reaches it.
        match : str
            Layer id or pattern. A pattern does not reach the first convolution and
            the classifier; name these to prune them.
        **params
            Further parameters of the method.

        Raises
        ------
        RecipeError, MethodError
            Unknown method or parameter, or a sparsity that the method cannot reach.
        """
        if not 0 <= sparsity < 1:
            raise RecipeError(
                f"sparsity {sparsity:g}",
                "a share of zeros, 0 <= sparsity < 1",
                "Write 0.8 for 80 %.",
            )
        reached = method_named(method).at_sparsity(sparsity)
        return cls(layers=(Rule.of(match, method, **{**reached, **params}),))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the recipe in a YAML file.

        Raises
        ------
        RecipeError
            No such file, or a problem in it, with its line.
        """
        file = Path(path)
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(
                f"recipe '{file}' that cannot be read ({error})",
                "a YAML file",
                "Check the path.",
            ) from None
        return cls.loads(text, source=file.name)

    @classmethod
    def loads(cls, text: str, *, source: str = "recipe") -> Self:
        """Return the recipe in a YAML text; ``source`` names it in messages.

        Raises
        ------
        RecipeError
            With the line, what was found, what was expected, what to do next.
        """
        data, lines = parse(text, source)
        try:
            return cls._from_data(data, lines, source)
        except RecipeError as error:
            place = f"{source} line {lines.of(error.path)}"
            raise error.at(place) from None

    @classmethod
    def _from_data(cls, data: dict[str, Any], lines: Lines, source: str) -> Self:
        for key in data:
            if key not in cls.model_fields:
                raise unknown_key(str(key), list(cls.model_fields), "the recipe")
        values = dict(data)
        rules = values.pop("layers", None) or []
        if not isinstance(rules, list):
            raise RecipeError(
                "layers that are no list",
                "a list of rules, each on a line that starts with '- '",
                "Put '- ' before each rule.",
                path=("layers",),
            )
        found = []
        for index, rule in enumerate(rules):
            line = lines.of(("layers", index))
            found.append(_rule(rule, index).at(f"{source} line {line}"))
        if values.get("finetune") is not None:
            values["finetune"] = _finetune(values["finetune"])
        return build(cls, {**values, "layers": tuple(found)}, "the recipe")

    def dump(self) -> str:
        """Return the recipe as canonical YAML: equal recipes give equal bytes."""
        out = [f"version: {self.version}"]
        if self.model is not None:
            out.append(f"model: {text_of(self.model)}")
        out.append(f"seed: {self.seed}")
        out.append("layers:" if self.layers else "layers: []")
        for rule in self.layers:
            flat = rule.model_dump()
            del flat["match"]
            out.append(f'  - {{match: "{_escaped(rule.match)}", {flow(flat)[1:]}')
        if self.finetune is not None:
            out.append(f"finetune: {flow(self.finetune.model_dump())}")
        return "\n".join(out) + "\n"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the recipe to a file, beside it first and then renamed."""
        file = Path(path)
        beside = file.with_name(file.name + ".part")
        beside.write_text(self.dump(), encoding="utf-8", newline="\n")
        beside.replace(file)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _rule(rule: object, index: int) -> Rule:
    """Return one rule of the list, or the problem with its path."""
    if not isinstance(rule, dict):
        raise RecipeError(
            f"rule {rule!r}",
            'a mapping such as {match: "*", method: magnitude, sparsity: 0.8}',
            "Write match, method and the method's parameters.",
            path=("layers", index),
        )
    try:
        return Rule.model_validate(rule)
    except RecipeError as error:
        raise error.within("layers", index) from None


def _finetune(values: object) -> Finetune:
    if not isinstance(values, dict):
        raise RecipeError(
            f"finetune: {values!r}",
            "a mapping such as {epochs: 10, lr: 0.01}",
            "Write the keys in braces.",
            path=("finetune",),
        )
    try:
        return build(Finetune, values, "finetune")
    except RecipeError as error:
        raise error.within("finetune") from None
