"""Code that writes the same files as the page.

Belongs here: command and script of an export. Does not belong here: exporting
(``services.exports``).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from workbench.ui.components.shared.snippets import snippets
from workbench.ui.services import code, exports
from workbench.workflows.accuracies import IMAGES

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork
    from workbench.pruning.recipe.recipe import Recipe

_NOTES = {
    exports.BN: "The command exports the raw network; only Python re-estimates.",
    exports.SMALLER: "The command keeps the shapes; only Python cuts filters out.",
}


@dataclass(frozen=True, eq=False)
class Subject:
    """What is exported: the networks, which variant of them, and how it is made."""

    network: "Network"
    pruned: "PrunedNetwork | None"
    variant: str
    how: exports.Making

    @property
    def recipe(self) -> "Recipe | None":
        """The recipe that the variant needs."""
        plain = self.variant in (exports.DENSE, exports.FACTORS)
        return None if self.pruned is None or plain else self.pruned.recipe


def export_code(subject: Subject, formats: tuple[str, ...]) -> None:
    """Draw the code; a trained network has its own on the page Train."""
    if subject.variant == exports.TUNED:
        st.caption("The code of a trained network stands on the page Train.")
        return
    snippets(
        command=command_of(subject, formats),
        python=script_of(subject, formats),
        key="export-code",
        note=_NOTES.get(subject.variant, ""),
    )


def script_of(subject: Subject, formats: tuple[str, ...]) -> str:
    """Return the script that writes every format."""
    how, source = subject.how, "net" if subject.recipe is None else "pruned"
    made = {
        exports.PALETTE: f'wb.compress({source}, "{how.bits}")',
        exports.FACTORS: f'wb.factorise(net, "{how.form}", share={how.share}).network',
        exports.SMALLER: "wb.shrink(pruned)",
        exports.BN: f"wb.reestimate_bn(pruned, train, images={IMAGES}, "
        f"seed={how.seed})",
    }.get(subject.variant, source)
    text = code.opening(subject.network, subject.recipe)
    if subject.variant == exports.BN:
        text += 'train = wb.dataset_for(net, split="train")\n'
    text += f"made = {made}\n"
    for name in formats:
        text += f'print(wb.export(made, "{_file(name)}", format="{name}"))\n'
    return text


def command_of(subject: Subject, formats: tuple[str, ...]) -> str:
    """Return the shell lines that write and verify every format."""
    how = subject.how
    option = "" if subject.recipe is None else f" --recipe {code.FILE}"
    name = code.argument(subject.network)
    text = code.recipe_command(subject.recipe)
    for form in formats:
        file = _file(form)
        text += {
            exports.PALETTE: f"python -m workbench compress {name}{option} --bits "
            f"{how.bits} -o {file}\n",
            exports.FACTORS: f"python -m workbench factorise {name} --form {how.form} "
            f"--share {how.share} -o {file}\n",
        }.get(
            subject.variant,
            f"python -m workbench export {name}{option} --format {form} -o {file}\n",
        )
        if form != "recipe":
            text += f"python -m workbench verify {file}\n"
    return text


def _file(name: str) -> str:
    from workbench.export.table import find_format

    return f"{name}{find_format(name).suffixes[0]}"
