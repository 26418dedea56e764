"""How many bits each layer gets: the words of `--bits`.

Belongs here: parsing and matching. Does not belong here: what is done with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from workbench.compression.palette import MOST_BITS
from workbench.errors import WorkbenchError
from workbench.models.network import Layer

PAPER = "8:conv,5:fc"
"""The paper's bits for AlexNet and LeNet-5."""

_KINDS = {"conv": "conv", "fc": "linear", "linear": "linear"}


def bits_by_layer(text: str | int, layers: Sequence[Layer]) -> dict[str, int]:
    """Return the bits of each layer that gets a palette, by layer id.

    Parameters
    ----------
    text : str or int
        One number for all layers, or terms ``bits:match`` separated by commas, where
        match is ``conv``, ``fc`` or a pattern of layer ids; the last match wins, and
        a layer that nothing matches stays as it is.
    layers : sequence of Layer

    Raises
    ------
    WorkbenchError
        Text of another form, bits out of 1..8, or a pattern that matches no layer.

    Examples
    --------
    >>> from workbench.models.loading import load_model
    >>> bits_by_layer("8:conv,5:fc,6:conv2", load_model("lenet5-mnist5k").layers)
    {'conv1': 8, 'conv2': 6, 'fc1': 5, 'fc2': 5}
    """
    chosen: dict[str, int] = {}
    for term in str(text).split(","):
        number, colon, match = term.strip().partition(":")
        bits = _number(number, text)
        match = match.strip() if colon else "*"
        hits = [layer.id for layer in layers if _matches(layer, match)]
        if not hits:
            raise WorkbenchError(
                f"'{match}' in bits {str(text)!r}, which matches no layer",
                "conv, fc, or a pattern of layer ids such as "
                + ", ".join(layer.id for layer in layers[:3]),
                "List the layers with: python -m workbench inspect MODEL",
            )
        chosen.update(dict.fromkeys(hits, bits))
    return {layer.id: chosen[layer.id] for layer in layers if layer.id in chosen}


def _matches(layer: Layer, match: str) -> bool:
    if match in _KINDS:
        return layer.kind == _KINDS[match] or layer.id == match
    return fnmatchcase(layer.id, match)


def _number(number: str, text: str | int) -> int:
    bits = int(number) if number.strip().isdecimal() else 0
    if not 1 <= bits <= MOST_BITS:
        raise WorkbenchError(
            f"bits {str(text)!r}",
            f"a number 1..{MOST_BITS}, or terms such as {PAPER}",
            f"Write --bits 5, or --bits {PAPER}.",
        )
    return bits
