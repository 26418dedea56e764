"""Names of modules for the nodes of a graph.

Belongs here: names that torch takes and people can read. Does not belong here: what
the modules are (`layers`).
"""

import re
from collections.abc import Iterable

from torch import nn

RESERVED = frozenset(
    name
    for kind in (nn.Conv2d(1, 1, 1), nn.Linear(1, 1), nn.BatchNorm2d(1))
    for name in (*dir(kind), *dir(nn.ConvTranspose2d), *dir(nn.GroupNorm))
) | {"node", "scale", "shift", "slope"}
"""What attributes of modules are called already."""

MOST_PARTS = 32
"""Modules inside of each other; what a file's name has more is one part."""

_STRANGE = re.compile(r"[^\w@-]+")


def module_names(ids: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Return a module's name for the id of each node, in their order.

    Names that are taken are given to nobody.

    Examples
    --------
    >>> module_names(["conv1", "features/conv:0", "a.weight", "conv1."])
    {'conv1': 'conv1', 'features/conv:0': 'features_conv_0', \
'a.weight': 'a.weight_', 'conv1.': 'conv1._'}
    """
    found: dict[str, str] = {}
    known = set(taken)
    for one in ids:
        parts = one.split(".", MOST_PARTS - 1)
        parts = [_STRANGE.sub("_", part) or "_" for part in parts]
        parts = [f"{part}_" if part in RESERVED else part for part in parts]
        name, count = ".".join(parts), 1
        while name in known:
            count += 1
            name = f"{'.'.join(parts)}_{count}"
        known.add(name)
        found[one] = name
    return found


def put(root: nn.Module, name: str, part: nn.Module) -> None:
    """Put a module under a dotted name; what lies between is made.

    Examples
    --------
    >>> root = nn.Module()
    >>> put(root, "layer1.0.conv", nn.Conv2d(1, 1, 1))
    >>> [name for name, _ in root.named_modules()]
    ['', 'layer1', 'layer1.0', 'layer1.0.conv']
    """
    *path, leaf = name.split(".")
    for step in path:
        inner = root._modules.get(step)
        if inner is None:
            inner = nn.Module()
            root.add_module(step, inner)
        root = inner
    before = root._modules.get(leaf)
    root.add_module(leaf, part)
    # A part may have come before the module that holds it.
    for inner_name, inner in (before._modules if before else {}).items():
        part.add_module(inner_name, inner)
