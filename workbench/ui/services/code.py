"""Pieces of the code that people copy: a recipe that travels inside the code.

Belongs here: text of commands and scripts that several actions share. Does not belong
here: the pop-over (``components.snippets``).
"""

import shlex
from typing import TYPE_CHECKING

from workbench.models.offered import given_networks

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.models.offered import Given
    from workbench.pruning.recipe.recipe import Recipe

FILE = "recipe.yaml"


def recipe_command(recipe: "Recipe | None") -> str:
    """Return shell lines that write a recipe to ``recipe.yaml``; "" without one."""
    if recipe is None:
        return ""
    return f"cat > {FILE} <<'END'\n{recipe.dump().rstrip()}\nEND\n"


def argument(network: "Network") -> str:
    """Return MODEL of a command, with weights and input shape where it has some."""
    one = _given(network)
    if one is None:
        return network.name
    said = one.spec
    if one.weights is not None:
        said += f" --weights {shlex.quote(one.weights)}"
    if one.input_shape is not None:
        said += " --input-shape " + ",".join(map(str, one.input_shape))
    return said


def load_line(network: "Network") -> str:
    """Return the Python expression that loads a network."""
    one = _given(network)
    if one is None:
        return f'wb.load_model("{network.name}")'
    said = f'"{one.spec}"'
    if one.weights is not None:
        said += f", weights={one.weights!r}"
    if one.input_shape is not None:
        said += f", input_shape={tuple(one.input_shape)}"
    return f"wb.load_model({said})"


def _given(network: "Network") -> "Given | None":
    """Return what the server was told of a network; None for samples and uploads."""
    found = given_networks().get(network.name)
    return None if found is None else found[0]


def opening(network: "Network", recipe: "Recipe | None" = None) -> str:
    """Return the first lines of a script: ``net`` and, with a recipe, ``pruned``.

    Parameters
    ----------
    network : Network
        Named as in ``wb.load_model``.
    recipe : Recipe or None
        Written out in full, so that the script needs no file.
    """
    text = f"import workbench as wb\n\nnet = {load_line(network)}\n"
    if recipe is None:
        return text
    return (
        f'{text}recipe = wb.Recipe.loads("""\\\n{recipe.dump().rstrip()}\n""")\n'
        "pruned = wb.prune(net, recipe)\n"
    )
