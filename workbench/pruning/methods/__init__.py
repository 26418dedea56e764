"""The table of pruning methods: one file a method, one line here.

Belongs here: the table. A new method is a file with the common skeleton (``Params``,
``masks``, ``METHOD``; see ``workbench/pruning/method.py``) and a line in ``_ALL``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from workbench.pruning.method import Method
from workbench.pruning.methods import (
    block,
    channel,
    filter,
    hetconv,
    kernel,
    layer,
    magnitude,
    nm,
    none,
    pattern,
    pconv,
    random,
    sensitivity,
    slimming,
    stripe,
)

_ALL = (
    magnitude.METHOD,
    sensitivity.METHOD,
    random.METHOD,
    block.METHOD,
    nm.METHOD,
    kernel.METHOD,
    pattern.METHOD,
    pconv.METHOD,
    stripe.METHOD,
    hetconv.METHOD,
    filter.METHOD,
    channel.METHOD,
    slimming.METHOD,
    layer.METHOD,
    none.METHOD,
)

METHODS: Mapping[str, Method] = MappingProxyType({row.name: row for row in _ALL})
