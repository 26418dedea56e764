"""One call of an exported program as nodes: by the table, or as a foreign step.

Belongs here: which of the two, and what a result must be. Does not belong here: walking
the program (`torch_export`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from workbench.capture.arguments import Refused, refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch.arithmetic import kind_of
from workbench.capture.from_torch.call import base_name, bind
from workbench.capture.from_torch.exported import CaptureError
from workbench.capture.from_torch.foreign import foreign
from workbench.capture.from_torch.table import TRANSLATIONS
from workbench.engine.graph.graph import GraphError


def check_end(made: Any, called: str) -> Value:
    """Return a result; refuse one that is not a float32 tensor an image."""
    if not isinstance(made, Value):
        raise CaptureError(
            f"a result{called} that does not depend on the image",
            "tensors that are computed from the image",
            "Return only the tensors to be computed.",
        )
    if made.batch != 0:
        raise CaptureError(
            f"a result{called} of shape {made.full} for one image, without the batch "
            "as its first axis",
            "(1, ...)",
            "Keep the batch as the first axis: squeeze(dim), not squeeze().",
        )
    if made.kind != "float32":
        raise CaptureError(
            f"a result{called} of type {made.kind}",
            "float32",
            "Return result.float(), or what the result is computed from.",
        )
    return made


def translated(
    builder: GraphBuilder,
    node: torch.fx.Node,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Any:
    """Return what one call becomes; what has no translation is run by torch."""
    target: Any = node.target
    known = TRANSLATIONS.get(base_name(target))
    name = str(target).replace("_.", ".")
    if not isinstance(target, torch._ops.OpOverload):
        raise refuse(builder, name)
    val = node.meta.get("val")
    made: Any = None
    if known is not None:
        call = bind(target, args, kwargs, val)
        try:
            objection = known.objection(call.given, call.defaults)
            if objection:
                raise refuse(builder, f"{call.name} with {objection}")
            made = known.translate(builder, call)
        except Refused:
            raise
        except GraphError:
            known = None
    if known is None:
        refuse_random(builder, target)
        return foreign(builder, target, args, kwargs, val)
    if isinstance(made, list) and None in made:
        wanted = {user.args[1] for user in node.users if user.users}
        if any(one is None and i in wanted for i, one in enumerate(made)):
            return foreign(builder, target, args, kwargs, val)
    return made


def checked(builder: GraphBuilder, name: str, made: Any, torchs: Any) -> Any:
    """Return a result with torch's type; one of another shape is refused."""
    if isinstance(torchs, list | tuple) and isinstance(made, list | tuple):
        pairs = zip(made, torchs, strict=True)
        return [checked(builder, name, one, its) for one, its in pairs]
    if isinstance(torchs, torch.Tensor) and isinstance(made, Value):
        sized = all(isinstance(size, int) for size in torchs.shape)
        if sized and tuple(torchs.shape) != made.full:
            raise refuse(
                builder,
                f"{name} that makes a tensor of shape {tuple(torchs.shape)} of one "
                f"image, where a batch of one is {made.full}",
            )
        return replace(made, kind=kind_of(torchs.dtype))
    return made


def refuse_random(builder: GraphBuilder, target: Any) -> None:
    """Refuse an operation that draws numbers."""
    tags = getattr(target, "tags", ())
    if torch.Tag.nondeterministic_seeded in tags:
        raise Refused(f"{base_name(target)} with random numbers", builder.where)
