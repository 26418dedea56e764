"""The recipe: which layers are pruned by which method, as a value and as a file.

Belongs here: the models, their validation and their round trip. Does not belong here:
finding the layers of a network that a rule means (``assign``) and pruning (``prune``).
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from workbench.pruning.recipe.errors import RecipeError, build, unknown_key
from workbench.pruning.recipe.plain_yaml import MOST_CHARACTERS
from workbench.pruning.recipe.rule import Finetune, Rule, method_named
from workbench.pruning.recipe.yaml_file import Lines, flow, parse, text_of
from workbench.reading import open_regular
from workbench.writing import write_whole


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
            with io.TextIOWrapper(open_regular(file), encoding="utf-8") as stream:
                # One more than is allowed, so that it is refused for its length.
                text = stream.read(MOST_CHARACTERS + 1)
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
        """Write the recipe to a file, whole or not at all.

        Raises
        ------
        WriteError
            The file cannot be written.
        """
        write_whole(path, self.dump())


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
