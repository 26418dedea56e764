"""Operands of an operation in their order: computed ones and constants.

Belongs here: the rule that the parameter ``c1`` stands at position 1.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def in_order(inputs: Sequence[Array], params: Mapping[str, Array]) -> list[Array]:
    """Return all operands.

    Examples
    --------
    >>> in_order(["x"], {"c0": "one"})
    ['one', 'x']
    """
    left = iter(inputs)
    total = len(inputs) + len(params)
    return [params[f"c{i}"] if f"c{i}" in params else next(left) for i in range(total)]
