"""The recipe alone: YAML that prunes the same network to the same bytes again."""

from collections.abc import Iterator
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.export.format import Exportable, Format
from workbench.export.report import Check, failed, passed
from workbench.export.seal import BLANK, check_seal, seal
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.recipe import Recipe
from workbench.reading import open_regular

# At the top, so that a file that was cut off still has it.
_HEAD = "# pruning-workbench recipe; delete this line after editing; "


def write(network: Exportable, path: Path) -> None:
    """Write the recipe of a pruned network, sealed by its first line.

    Raises
    ------
    WorkbenchError
        When the network is not pruned.
    """
    if not isinstance(network, PrunedNetwork):
        raise WorkbenchError(
            found=f"'{network.name}', which was not pruned",
            expected="a pruned network",
            next_step="Prune it first: its recipe is what this format holds.",
        )
    text = f"{_HEAD}{BLANK}\n{network.recipe.dump()}"
    path.write_bytes(seal(text.encode()))


def check(path: Path, against: Exportable | None) -> Iterator[Check]:
    """Check the seal, parse the recipe, compare with the network's own."""
    head = _HEAD.encode()
    with open_regular(path) as file:
        sealed = check_seal(path, required=file.read(len(head)) == head)
    if not sealed.ok:
        yield failed(
            sealed.name,
            "the recipe was changed or cut off after it was exported",
            expected="the text that its first line was made for",
            next_step="If you changed it on purpose, delete its first line.",
        )
        return
    yield sealed
    try:
        recipe = Recipe.load(path)
    except WorkbenchError as error:
        yield failed(
            "structure",
            error.found,
            expected=error.expected,
            next_step=error.next_step,
        )
        return
    yield passed("structure", f"valid recipe, {len(recipe.layers)} rules")
    if against is not None:
        yield _same(recipe, against)


def _same(recipe: Recipe, against: Exportable) -> Check:
    if isinstance(against, PrunedNetwork) and against.recipe == recipe:
        return passed("recipe", "equal to the one the network was pruned by")
    return failed(
        "recipe",
        f"a recipe that '{against.name}' was not pruned by",
        expected="the network's own recipe",
        next_step="Verify against the network pruned by this recipe.",
    )


FORMAT = Format(
    name="recipe",
    label="Recipe (YAML)",
    suffixes=(".yaml", ".yml"),
    write=write,
    check=check,
)
