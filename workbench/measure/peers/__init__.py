"""One adapter per engine; the table of all of them is in table.py."""

from workbench.measure.peers.table import find_peer, peers

__all__ = ["find_peer", "peers"]
