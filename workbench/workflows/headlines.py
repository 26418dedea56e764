"""Which accuracy of a pruned network is the headline, and what stands small beside it.

Belongs here: the choice among the accuracies of a trial or a run, in words. Does not
belong here: measuring them (``trial``, ``live``), drawing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TUNED, BN, RAW = "trained", "BN re-estimated", "raw"
_LONG = {BN: "batch norms re-estimated", RAW: "raw"}
Found = Mapping[str, Any]


@dataclass(frozen=True)
class Headline:
    """An accuracy and what it is of.

    Parameters
    ----------
    found : mapping
        ``top1``, ``n``, ``interval``.
    what : str
        TUNED, BN or RAW.
    raw : mapping or None
        The accuracy right after pruning, where it is another.
    why : str
        Why a raw accuracy is the headline; "" where it is not, or not known.
    """

    found: Found
    what: str
    raw: Found | None = None
    why: str = ""

    @property
    def label(self) -> str:
        """What a tile calls it."""
        return label_of(self.what)


def label_of(what: str) -> str:
    """Return what a tile calls an accuracy.

    Examples
    --------
    >>> label_of(BN)
    'Top-1, batch norms re-estimated'
    """
    return f"Top-1, {_LONG.get(what, what)}"


def headline(results: Mapping[str, Any]) -> Headline | None:
    """Return the headline of the parts of a trial or of a recorded run; None for none.

    Parameters
    ----------
    results : mapping
        ``tuned``, ``bn`` and ``raw`` as far as there are any. ``bn`` says by ``kept``
        whether it is the network that one would use, else by ``why`` why not.

    Examples
    --------
    >>> raw = {"top1": 0.29, "n": 1000}
    >>> headline({"raw": raw, "bn": {"top1": 0.98, "n": 1000, "kept": True}}).what
    'BN re-estimated'
    >>> headline({"raw": raw, "bn": {"kept": False, "why": "no batch norms"}}).why
    'no batch norms'
    """
    tuned, bn, raw = (results.get(name) or {} for name in ("tuned", "bn", "raw"))
    if "top1" in tuned:
        return Headline(tuned, TUNED, raw or None)
    if "top1" in bn and bn.get("kept", True):
        return Headline(bn, BN, raw or None)
    if "top1" in raw:
        return Headline(raw, RAW, None, str(bn.get("why", "")))
    return None
