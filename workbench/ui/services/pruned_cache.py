"""Pruned networks that all sessions of a server share, bounded in weights.

Belongs here: which ones stay when there are too many. Does not belong here: pruning,
which network a page asks for (``networks``).
"""

import gc
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.pruning.pruned import PrunedNetwork

MOST_WEIGHTS = 180_000_000
"""Weights of all networks in the cache: at five bytes (value and mask) 0.9 GB."""
MOST_NETWORKS = 24
LARGE = 20_000_000
"""Weights of a network from which on garbage is collected around a pruning."""
ALONE = 60_000_000
"""Weights of a network of which only the newest pruning is kept."""


class PrunedCache:
    """Pruned networks by digest and recipe; the ones not used for longest go first.

    One network is pruned at a time: what pruning needs besides its result is as large
    as the largest layer, and two sessions would need it twice.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], PrunedNetwork] = OrderedDict()
        self._lock = Lock()

    def take(
        self, key: tuple[str, str], weights: int, make: "Callable[[], PrunedNetwork]"
    ) -> "PrunedNetwork":
        """Return the network under a key, made if it is not in the cache.

        Parameters
        ----------
        key : (str, str)
            Digest of the dense network, recipe.
        weights : int
            Of the network; room for it is made before it is.
        make : callable
            Prunes; what it raises leaves the key empty.
        """
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                self._make_room(key[0], weights)
                found = self._kept[key] = self._made(weights, make)
            self._kept.move_to_end(key)
            return found

    def _made(
        self, weights: int, make: "Callable[[], PrunedNetwork]"
    ) -> "PrunedNetwork":
        """Prune; for a large network, find what cycles still hold before and after.

        A page's script is a cycle (its functions know its variables), and so is a
        traced network; Python's own collector may come to them much later.
        """
        if weights < LARGE:
            return make()
        gc.collect()
        try:
            return make()
        finally:
            gc.collect()

    def _make_room(self, digest: str, weights: int) -> None:
        if weights > ALONE:
            for key in [key for key in self._kept if key[0] == digest]:
                del self._kept[key]
        while self._kept and (
            len(self._kept) >= MOST_NETWORKS or self._total() + weights > MOST_WEIGHTS
        ):
            self._kept.popitem(last=False)

    def _total(self) -> int:
        return sum(one.report.weights for one in self._kept.values())
