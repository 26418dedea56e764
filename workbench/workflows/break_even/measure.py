"""One method's curve: versions of a layer alone, timed in turns with the dense one.

What slows the machine slows all versions alike. Each takes the best kernel that can run
it, dense ones included: no curve lies far above the dense time, and where one leaves
it, zeros begin to pay.

Belongs here: measuring a curve. Does not belong here: taking a layer out of its network
(``analysis.one_layer``), timing (``measure``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

from workbench.analysis.one_layer import LAYER, alone, prune_alone
from workbench.analysis.sensitivity.grid import parse_method
from workbench.analysis.sensitivity.latency import program_of
from workbench.engine.program import Program
from workbench.errors import WorkbenchError
from workbench.measure.contenders import program_contender, subject_of
from workbench.measure.interleave import Settings, measure_contenders
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.rule import method_named
from workbench.workflows.break_even.curve import BreakEvenCurve, crossing
from workbench.workflows.break_even.order import BUDGET_S, ROUNDS, BreakEvenOrder

# A smaller gain than this is noise between two times of the cost model.
NOISE = 0.03

OnRound = Callable[[int, int], None]


class CannotPruneError(WorkbenchError):
    """A method that reaches no sparsity of a layer."""


@dataclass(frozen=True)
class _Version:
    """The layer at one level, and what was found of it."""

    network: Network | PrunedNetwork
    reached: float
    ms: float = 0.0
    p10_ms: float = 0.0
    p90_ms: float = 0.0
    kernel: str = ""
    faster: bool = False


def measure_curve(
    order: BreakEvenOrder, *, on_round: OnRound | None = None
) -> BreakEvenCurve:
    """Return the curve of one method, its levels timed in turns with the dense layer.

    Parameters
    ----------
    order : BreakEvenOrder
        What is asked.
    on_round : callable (done, total) or None
        Called between rounds; may raise to stop.

    Raises
    ------
    CannotPruneError
        A method that reaches no level.
    """
    dense, levels = _versions(order)
    given = [one for one in levels if one is not None]
    if order.latency == "model":
        (dense, *timed), conditions, rounds = _modelled(order, [dense, *given]), "", 0
    else:
        (dense, *timed), conditions, rounds = _in_turns(
            order, [dense, *given], on_round
        )
    found = iter(timed)
    points = [None if one is None else next(found) for one in levels]
    known = sorted(timed, key=lambda one: one.reached)
    return BreakEvenCurve(
        layer=order.layer,
        method=order.method,
        granularity=method_named(parse_method(order.method)[0]).granularity,
        threads=order.threads,
        dense_ms=dense.ms,
        dense_kernel=dense.kernel,
        sparsities=order.sparsities,
        reached=tuple(None if one is None else one.reached for one in points),
        ms=tuple(None if one is None else one.ms for one in points),
        p10_ms=tuple(None if one is None else one.p10_ms for one in points),
        p90_ms=tuple(None if one is None else one.p90_ms for one in points),
        kernels=tuple("" if one is None else one.kernel for one in points),
        faster=tuple(one is not None and one.faster for one in points),
        crossing=crossing(
            [(one.reached, one.ms, one.faster) for one in known], dense.ms
        ),
        n=rounds,
        line=conditions,
    )


def _versions(order: BreakEvenOrder) -> tuple[_Version, list[_Version | None]]:
    """Return the dense layer, and a version or None for each level."""
    only = alone(order.network, order.layer)
    params = only.layer(LAYER).params
    levels: list[_Version | None] = []
    reason = ""
    for level in order.sparsities:
        try:
            pruned, left = prune_alone(only, order.method, level)
        except WorkbenchError as error:
            reason = error.found
            levels.append(None)
        else:
            levels.append(_Version(pruned, 1 - left / params))
    if not any(levels):
        raise CannotPruneError(
            reason or "no level of sparsity",
            f"a layer that '{order.method}' can prune",
            "Choose another method, or other levels.",
        )
    return _Version(only, 0.0), levels


def _modelled(order: BreakEvenOrder, versions: Sequence[_Version]) -> list[_Version]:
    """Return the versions with the times of the cost model."""
    found: list[_Version] = []
    dense_ms = 0.0
    for version in versions:
        with closing(program_of(version.network, "model", order.threads)) as program:
            ms, kernel = _step(program)
        dense_ms = dense_ms if found else ms
        faster = ms < dense_ms * (1 - NOISE)
        found.append(
            replace(version, ms=ms, p10_ms=ms, p90_ms=ms, kernel=kernel, faster=faster)
        )
    return found


def _in_turns(
    order: BreakEvenOrder, versions: Sequence[_Version], on_round: OnRound | None
) -> tuple[list[_Version], str, int]:
    """Return the versions with measured times, the conditions and the rounds."""
    with ExitStack() as stack:
        kernels, contenders = [], []
        for number, version in enumerate(versions):
            if on_round is not None:
                on_round(0, ROUNDS)
            program = program_of(version.network, "measure", order.threads)
            stack.callback(program.close)
            kernels.append(_step(program)[1])
            subject = subject_of(version.network)
            contenders.append(program_contender(program, subject, name=str(number)))
        measurement = measure_contenders(
            contenders,
            threads=order.threads,
            rounds=ROUNDS,
            settings=Settings(budget_s=BUDGET_S, on_round=on_round),
        )
    found = []
    for number, (version, kernel) in enumerate(zip(versions, kernels, strict=True)):
        row = measurement.row(str(number))
        if row.spread is None:
            raise WorkbenchError(
                f"no time of layer '{order.layer}' at {version.reached:.0%}: "
                f"{row.refused}",
                "an output equal to PyTorch's",
                "Report this: it is a defect of the engine.",
            )
        against = measurement.compare(row.name, "0")
        faster = (
            number > 0 and against is not None and against.ratio.verdict == "faster"
        )
        spread = row.spread
        found.append(
            replace(
                version,
                ms=spread.median_ms,
                p10_ms=spread.p10_ms,
                p90_ms=spread.p90_ms,
                kernel=kernel,
                faster=faster,
            )
        )
    rounds = measurement.row("0").spread
    return found, measurement.conditions.line, 0 if rounds is None else rounds.n


def _step(program: Program) -> tuple[float, str]:
    """Return time and kernel of the layer itself in its program."""
    for step in program.steps:
        if step.layer == LAYER:
            return step.ms, step.candidate
    return 0.0, "nothing left to compute"
