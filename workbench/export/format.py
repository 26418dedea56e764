"""What a format must offer.

Belongs here: the skeleton that the files in formats/ share. Does not belong here:
any format.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.compression.compressed import CompressedNetwork
from workbench.export.report import Check
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork

Exportable = Network | PrunedNetwork | CompressedNetwork


@dataclass(frozen=True)
class Format:
    """Return one output format.

    Parameters
    ----------
    name : str
        What `--format` takes.
    label : str
        What a person reads: what the file is good for.
    suffixes : tuple of str
        The first is the one that exports are given; longer ones win.
    write : callable (network, path)
        Writes the file; need not be atomic, the caller renames.
    check : callable (path, network or None) -> checks
        Asks of a file whether it is whole, safe and equal to the network. Stops
        after the first failed check.
    """

    name: str
    label: str
    suffixes: tuple[str, ...]
    write: Callable[[Exportable, Path], None]
    check: Callable[[Path, Exportable | None], Iterator[Check]]
