"""Which options of a node are worth timing, and what stands in for those that are not.

Belongs here: what the model and earlier times say about later trials. Does not belong
here: trials themselves (`trial`) and the order of nodes (`tune`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from workbench.engine.candidates import Form
from workbench.engine.graph.graph import Node
from workbench.engine.planning.costs import Option

TOO_SLOW = 2.0
"""An option modelled this many times slower than the best time is not tried."""

UNLIKE = 1.4
"""Another layout of the input is not tried with a kernel that was this many times
slower than the best."""

STEADY = 1.25
"""Variants this close to the best of their option were timed to the end."""

UNTRIED = 1.5
"""Modelled times of options that were not tried count this much."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One option of a node, and its times as far as they are known.

    Parameters
    ----------
    node : Node
    option : Option
        With its modelled time.
    times : dict of Form to dict of str to float
        By layout of the output, the most natural first, then by variant; in ms.
    """

    node: Node
    option: Option
    times: dict[Form, dict[str, float]] = field(default_factory=dict)

    @property
    def ms(self) -> float:
        """The least time with the most natural output; infinite when not measured."""
        natural = next(iter(self.times.values()), {})
        return min(natural.values(), default=inf)


def best_of(entries: Sequence[Entry]) -> float:
    """Return the least measured time of a node's options, or infinity."""
    return min((entry.ms for entry in entries), default=inf)


def scale_of(entries: Sequence[Entry]) -> float:
    """Return the measured over the modelled time of the best option; 1.5 if unknown."""
    best = best_of(entries)
    if best == inf:
        return UNTRIED
    winner = next(entry for entry in entries if entry.ms == best)
    return best / max(winner.option.ms, 1e-9)


def promising(entries: Sequence[Entry], rank: int) -> bool:
    """Say whether an option may still become the best of its node."""
    candidate, best = entries[rank].option.candidate, best_of(entries)
    same = best_of([e for e in entries if e.option.candidate is candidate])
    if same < inf:
        return same <= UNLIKE * best
    return entries[rank].option.ms * scale_of(entries) <= TOO_SLOW * best


def slow_variants(
    entry: Entry, entries: Sequence[Entry], slower: float
) -> frozenset[str]:
    """Return variants that took too long where this kernel read another layout.

    Parameters
    ----------
    entry : Entry
        About to be timed.
    entries : sequence of Entry
        All options of its node.
    slower : float
        Times the best variant that is too long.
    """
    return frozenset(
        variant
        for other in entries
        if other.option.candidate is entry.option.candidate
        for variant, ms in next(iter(other.times.values()), {}).items()
        if ms > slower * other.ms
    )


def store_factors(entries: Sequence[Entry]) -> Mapping[Form, float]:
    """Return how many times slower each other layout of the output made kernels.

    The least factor that was measured: it stands in for variants and options that
    were timed with the most natural layout alone. Without it, these would look faster
    than the finalists, which were timed with every layout. A variant that dropped out
    of its first race does not count: its time there may be one interrupted run.
    """
    factors: dict[Form, float] = {}
    for entry in entries:
        natural = next(iter(entry.times.values()), {})
        for target, times in list(entry.times.items())[1:]:
            for variant, ms in times.items():
                if natural.get(variant, inf) > STEADY * entry.ms:
                    continue
                factor = ms / natural[variant]
                factors[target] = min(factor, factors.get(target, inf))
    return factors


def _by_target(
    entry: Entry, variant: str, factors: Mapping[Form, float]
) -> tuple[tuple[Form, float], ...]:
    """Return the times of a variant by layout of the output, measured or scaled."""
    natural = next(iter(entry.times.values()))[variant]
    nearest = {**factors, **store_factors([entry])}
    scaled = {target: natural * factor for target, factor in nearest.items()}
    measured = {
        target: times[variant]
        for target, times in entry.times.items()
        if variant in times
    }
    return tuple((scaled | measured).items())


def finished(entries: Sequence[Entry]) -> tuple[Option, ...]:
    """Return every option: once a variant where measured, else with a modelled time.

    Examples
    --------
    >>> finished([])
    ()
    """
    if len(entries) == 1 and not entries[0].times:
        return (entries[0].option,)
    scale = scale_of(entries)
    factors = store_factors(entries)
    found: list[Option] = []
    for entry in entries:
        option, natural = entry.option, next(iter(entry.times.values()), {})
        found += [
            replace(
                option,
                variant=variant,
                ms=ms,
                measured=True,
                by_target=_by_target(entry, variant, factors),
            )
            for variant, ms in natural.items()
        ]
        if not natural:
            found.append(replace(option, ms=option.ms * max(scale, UNTRIED)))
    return tuple(found)
