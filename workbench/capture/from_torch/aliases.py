"""In-place operations that change what another name of the same memory reads.

Belongs here: finding them in an exported program, and having torch rewrite it without
them. Does not belong here: what operations become (``aten_ops``).
"""

from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import Node

from workbench.capture.from_torch.call import base_name
from workbench.errors import WorkbenchError

DROPOUTS = ("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")


class AliasError(WorkbenchError):
    """A network that writes into memory in a way that cannot be followed."""


def without_aliases(program: ExportedProgram) -> ExportedProgram:
    """Return an equal program in which no write changes what another name reads.

    Torch's exporter follows ``p.relu_()`` to later uses of ``p``, but not to the tensor
    that ``p`` is a part of. Torch's functionalisation does; it traces the network once
    more, so it runs only where a name is read after its memory was written through
    another one.

    Parameters
    ----------
    program : ExportedProgram
        Not changed.

    Raises
    ------
    AliasError
        A network that changes its own parameters or buffers while it runs, or that
        writes through an operation which torch does not know to share memory.

    Source
    ------
    Which nodes share memory is read off the storages of the exporter's fake tensors.
    """
    _drop_dropouts(program)
    signature = program.graph_signature
    state = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    names: dict[int, list[Node]] = {}
    place = {node: i for i, node in enumerate(program.graph.nodes)}
    mixed = False
    for node in program.graph.nodes:
        for written in _written(node):
            others = names.get(_memory(written), [])
            _refuse_state([state[n.name] for n in others if n.name in state], node)
            if any(place[user] > place[node] for n in others for user in n.users):
                _refuse_unknown(others, node)
                mixed = True
        if _memory(node):
            names.setdefault(_memory(node), []).append(node)
    return program.run_decompositions({}) if mixed else program


def _drop_dropouts(program: ExportedProgram) -> None:
    """Take out dropouts of eval mode: they return the very tensor that they get."""
    for node in list(program.graph.nodes):
        if base_name(node.target) in DROPOUTS and node.args[2:] == (False,):
            node.replace_all_uses_with(node.args[0])
            program.graph.erase_node(node)
    program.graph_module.recompile()


def _memory(node: Node) -> int:
    """Return what stands for the memory of a node's tensor; 0 if it has none."""
    made = node.meta.get("val")
    return made.untyped_storage()._cdata if isinstance(made, torch.Tensor) else 0


def _written(node: Node) -> list[Node]:
    """Return the nodes whose memory an operation writes."""
    target: Any = node.target
    if not isinstance(target, torch._ops.OpOverload):
        return []
    arguments = target._schema.arguments
    given: dict[str, Any] = dict(
        zip((a.name for a in arguments), node.args, strict=False)
    )
    given.update(node.kwargs)
    written = [
        given.get(a.name)
        for a in arguments
        if a.alias_info is not None and a.alias_info.is_write
    ]
    return [one for one in written if isinstance(one, Node)]


def _refuse_state(names: list[str], node: Node) -> None:
    if names:
        raise AliasError(
            f"a network that changes {names[0]!r} of its own while it runs "
            f"({node.target})",
            "a forward pass that leaves parameters and buffers alone",
            "A program has no state: compute the new value without writing it back.",
        )


def _refuse_unknown(nodes: list[Node], write: Node) -> None:
    """Refuse operations that return their input although they do not declare it."""
    for node in nodes:
        target: Any = node.target
        if not isinstance(target, torch._ops.OpOverload):
            continue
        declared = any(r.alias_info is not None for r in target._schema.returns)
        if not declared and any(
            _memory(node) == _memory(source) for source in node.all_input_nodes
        ):
            raise AliasError(
                f"{write.target} writes into memory that {target} hands on, "
                f"and {nodes[0].name!r} is read afterwards",
                "operations that torch knows to share memory",
                "Use the operation that makes a new tensor (no trailing underscore).",
            )
