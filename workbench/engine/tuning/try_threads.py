"""Fewer threads than asked for, where a network is too short to share.

Threads meet after every step. In a network of 0.2 ms with thirty steps that costs more
than sharing gains, all the more where a processor is lent to somebody else meanwhile.

Belongs here: when fewer threads are tried, and the verdict. Does not belong here: how a
plan for them is made (`compile`).
"""

from collections.abc import Callable
from dataclasses import replace

from workbench.engine.planning.plan import ExecutionPlan
from workbench.engine.tuning.duel import NS_PER_MS, TimedProgram, faster
from workbench.engine.tuning.tuned import Tuned
from workbench.kernels import Executor

SHORT_MS = 2.0
"""Programs that take longer gain from every thread, or lose little."""

TIES = 1.05
"""Fewer threads win unless they are this much slower: the others are free for more."""


def with_fewer(tuned: Tuned, plan_for: Callable[[int], ExecutionPlan]) -> ExecutionPlan:
    """Return the plan, or that of half as many threads if it is as fast.

    Parameters
    ----------
    tuned : Tuned
    plan_for : callable
        Returns the best plan for a number of threads.
    """
    plan = tuned.plan
    if plan.threads == 1:
        return plan
    whole = tuned.program().lowered
    with Executor(
        whole.steps, arena_floats=whole.arena.floats, threads=plan.team
    ) as executor:
        ms = executor.time_steps(3).sum(axis=1).min() / NS_PER_MS
    if ms > SHORT_MS:
        return plan
    half = plan_for(plan.threads // 2)
    few = tuned.program(half)._replace(threads=half.team)
    if faster([few, TimedProgram(whole, plan.team)], gain=TIES):
        return replace(half, threads=plan.threads, used=half.team)
    return plan
