"""Pieces of the code that people copy: a recipe that travels inside the code.

Belongs here: text of commands and scripts that several actions share. Does not belong
here: the pop-over (``components.snippets``).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.recipe import Recipe

FILE = "recipe.yaml"


def recipe_command(recipe: "Recipe | None") -> str:
    """Return shell lines that write a recipe to ``recipe.yaml``; "" without one."""
    if recipe is None:
        return ""
    return f"cat > {FILE} <<'END'\n{recipe.dump().rstrip()}\nEND\n"


def opening(network: "Network", recipe: "Recipe | None" = None) -> str:
    """Return the first lines of a script: ``net`` and, with a recipe, ``pruned``.

    Parameters
    ----------
    network : Network
        Named as in ``wb.load_model``.
    recipe : Recipe or None
        Written out in full, so that the script needs no file.
    """
    text = f'import workbench as wb\n\nnet = wb.load_model("{network.name}")\n'
    if recipe is None:
        return text
    return (
        f'{text}recipe = wb.Recipe.loads("""\\\n{recipe.dump().rstrip()}\n""")\n'
        "pruned = wb.prune(net, recipe)\n"
    )
