"""Taking apart operations that are not in the table, where torch knows how.

Belongs here: which operations, and torch's own recipes for them. Does not belong here:
what the parts become (`table`).
"""

import warnings
from typing import Any

import torch
from torch.export import ExportedProgram

from workbench.capture.from_torch.call import base_name
from workbench.capture.from_torch.table import TRANSLATIONS

WHOLE = (
    *("grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "im2col", "col2im"),
    *("topk", "sort", "nonzero", "unfold", "embedding", "lstm", "gru", "rnn_tanh"),
)
"""Operations that fall into dozens of parts: torch runs them better whole."""

ROUNDS = 3
"""Parts may be taken apart again."""


def taken_apart(program: ExportedProgram) -> ExportedProgram:
    """Return an equal program in which operations that are not read are taken apart.

    Parameters
    ----------
    program : ExportedProgram
        Not changed.
    """
    recipes: Any = None
    for _ in range(ROUNDS):
        unknown = _unknown(program)
        if not unknown:
            return program
        recipes = recipes or torch.export.default_decompositions()
        mine = {op: recipes[op] for op in unknown if op in recipes}
        if not mine:
            return program
        with warnings.catch_warnings():
            # Torch copies trees of arguments in a way that it deprecates itself.
            warnings.simplefilter("ignore", FutureWarning)
            program = program.run_decompositions(mine)
    return program


def _unknown(program: ExportedProgram) -> list[Any]:
    found = {
        node.target
        for node in program.graph.nodes
        if node.op == "call_function"
        and isinstance(node.target, torch._ops.OpOverload)
        and node.target.namespace == "aten"
        and base_name(node.target) not in TRANSLATIONS
        and base_name(node.target) not in WHOLE
    }
    return sorted(found, key=str)
