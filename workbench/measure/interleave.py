"""Timing several engines on the same weights, fairly.

Every contender first has to give torch's output; one that does not gets no time.
Then all of them take turns, round by round in changing order, so that whatever
slows the machine slows all of them alike.

Source: protocol after the usual practice of interleaved A/B benchmarking; numbers
are medians with their spread, ratios carry a bootstrap interval over rounds.
"""

import gc
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from threading import Lock
from time import perf_counter, sleep
from typing import Any

import numpy as np
import torch

from workbench.engine.noise import noise_image
from workbench.errors import WorkbenchError
from workbench.kernels.executor import check_threads
from workbench.measure.agreement import TOLERANCE, Agreement, compare_outputs
from workbench.measure.conditions import PACKAGES, read_conditions
from workbench.measure.contenders import Contender, Given, resolve
from workbench.measure.measurement import Measurement, Timing
from workbench.measure.peers.protocol import Array, Runner, Setup
from workbench.measure.statistics import summarise
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork

logger = logging.getLogger(__name__)

MIN_ROUNDS = 5
MAX_INNER = 1000
# How often a measurement that waits for its turn asks whether it shall still go on.
_TURN_S = 0.5
_SUBNORMAL = np.float32(1e-40)


@dataclass(frozen=True)
class Settings:
    """Return how thoroughly to measure.

    Parameters
    ----------
    warmup : int
        Untimed calls of each contender before the first round.
    budget_s : float
        Rounds stop after this many seconds, though never before `MIN_ROUNDS`.
    min_sample_ms : float
        Calls are averaged within a sample until it lasts this long.
    tolerance : float
        Largest error, relative to the largest output, that counts as equal.
    seed : int
        Of the second input that outputs are compared on.
    tune_s : float, optional
        Seconds that the bundled engine may spend on choosing kernels.
    on_round : callable (done, total) or None
        Called with 0 while another measurement runs and before each engine loads the
        network, then after each round; may raise to stop.
    """

    warmup: int = 3
    budget_s: float = 20.0
    min_sample_ms: float = 1.0
    tolerance: float = TOLERANCE
    seed: int = 0
    tune_s: float | None = None
    on_round: Callable[[int, int], None] | None = None


@dataclass
class _Lane:
    """One contender on its way through the measurement."""

    contender: Contender
    runner: Runner | None = None
    agreement: Agreement | None = None
    prepare_ms: float = 0.0
    refused: str | None = None
    inner: int = 1

    def __post_init__(self) -> None:
        self.samples_ms: list[float] = []


def measure(
    contenders: Sequence[Given],
    x: Array | torch.Tensor | None = None,
    *,
    network: Network | PrunedNetwork | None = None,
    threads: int = 1,
    rounds: int = 30,
    settings: Settings | None = None,
) -> Measurement:
    """Return interleaved timings of several engines on the same weights.

    Parameters
    ----------
    contenders : sequence
        Peer names ("torch"), Programs, networks (run by the bundled engine) and
        (name, callable) pairs.
    x : float32 (N, C, H, W) or None
        The input; None makes one image of seeded noise.
    network : Network or PrunedNetwork or None
        The weights behind names, programs and callables, when no network is among
        the contenders.
    threads : int
        Given to every contender.
    rounds : int
        Samples of each contender; fewer when the budget ends before.
    settings : Settings or None
        Warm-up, budget, tolerance.

    Raises
    ------
    WorkbenchError
        When threads or rounds are impossible, or the weights are unknown.

    Examples
    --------
    rows = wb.measure([program, "torch"], network=net).to_dict()["rows"]
    """
    return measure_contenders(
        resolve(contenders, network),
        x,
        threads=threads,
        rounds=rounds,
        settings=settings,
    )


def measure_contenders(
    contenders: Sequence[Contender],
    x: Array | torch.Tensor | None = None,
    *,
    threads: int = 1,
    rounds: int = 30,
    settings: Settings | None = None,
) -> Measurement:
    """Return interleaved timings of contenders that are resolved already."""
    _check_counts(threads, rounds)
    settings = settings or Settings()
    present = [one for one in contenders if one.absent is None]
    last = contenders[-1].subject
    _refuse_several_inputs(last)
    image = _input(x, last.input_shape, settings.seed)
    packages = (*PACKAGES, *(one.package for one in present if one.package))
    lanes = [_Lane(one) for one in present]
    with ExitStack() as stack:
        stack.enter_context(_alone(settings, rounds))
        conditions = read_conditions(threads, packages=sorted(set(packages)))
        stack.enter_context(_same_for_all(threads))
        for lane in lanes:
            _tell(settings, 0, rounds)
            _prepare(lane, Setup(threads, len(image), settings.tune_s), stack)
            _check(lane, image, settings)
        racing = [lane for lane in lanes if lane.refused is None]
        _warm_up(racing, image, settings)
        _race(racing, image, rounds, settings, settle=threads > 1)
        for lane in racing:
            _check(lane, image, settings)
    return Measurement(
        rows=tuple(_timing(lane) for lane in lanes),
        conditions=conditions.with_versions(_remote_versions(lanes)),
        network=last.owner.name,
        digest=last.owner.digest,
        input_shape=image.shape,
        absent=tuple((o.name, o.absent) for o in contenders if o.absent is not None),
    )


def _check_counts(threads: int, rounds: int) -> None:
    check_threads(threads)
    if rounds < MIN_ROUNDS:
        raise WorkbenchError(
            found=f"rounds={rounds}",
            expected=f"at least {MIN_ROUNDS}: fewer say nothing about the spread",
            next_step=f"Pass rounds={MIN_ROUNDS} or more.",
        )


def _refuse_several_inputs(subject: Any) -> None:
    shapes = getattr(subject.owner, "input_shapes", {})
    if len(shapes) > 1:
        raise WorkbenchError(
            found=f"'{subject.owner.name}' with {len(shapes)} inputs "
            f"({', '.join(shapes)})",
            expected="one input: engines are compared on one batch of images",
            next_step="Time the program alone: program.profile(inputs).",
        )


def _input(
    x: Array | torch.Tensor | None, image_shape: tuple[int, ...], seed: int
) -> Array:
    if x is None:
        return noise_image(image_shape, seed + 1)
    array = x.detach().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)
    if array.ndim != 4 or array.shape[1:] != image_shape:
        raise WorkbenchError(
            found=f"an input of shape {array.shape}",
            expected="(N, " + ", ".join(str(size) for size in image_shape) + ")",
            next_step="Pass a batch that the network takes.",
        )
    return np.ascontiguousarray(array, dtype=np.float32)


def _prepare(lane: _Lane, setup: Setup, stack: ExitStack) -> None:
    start = perf_counter()
    try:
        lane.runner = lane.contender.prepare(setup)
        stack.callback(lane.runner.close)
    except Exception as error:
        logger.info("%s cannot load the network", lane.contender.name, exc_info=True)
        lane.refused = f"could not load the network: {error}"
    lane.prepare_ms = (perf_counter() - start) * 1e3


def _check(lane: _Lane, image: Array, settings: Settings) -> None:
    """Compare with torch on the given input and on noise; refuse what differs."""
    if lane.runner is None:
        return
    subject = lane.contender.subject
    other = noise_image(image.shape[1:], settings.seed, batch=len(image))
    for x in (image, other):
        try:
            # A copy: an engine may answer in a buffer that its next call overwrites.
            output = lane.runner(x).copy()
        except Exception as error:
            logger.info("%s failed to run", lane.contender.name, exc_info=True)
            lane.refused = f"failed to run: {error}"
            return
        found = compare_outputs(
            output,
            subject.reference(x),
            tolerance=settings.tolerance,
            judge=subject.judge,
        )
        lane.agreement = found.worst(lane.agreement) if lane.agreement else found
    if lane.agreement is not None:
        lane.refused = lane.agreement.reason


def _warm_up(lanes: Sequence[_Lane], image: Array, settings: Settings) -> None:
    for lane in lanes:
        runner = _runner(lane)
        runner.sample_ns(image, settings.warmup)
        once_ms = min(runner.sample_ns(image, 1) for _ in range(3)) / 1e6
        wanted = math.ceil(settings.min_sample_ms / max(once_ms, 1e-6))
        lane.inner = min(max(wanted, 1), MAX_INNER)


def _race(
    lanes: Sequence[_Lane],
    image: Array,
    rounds: int,
    settings: Settings,
    *,
    settle: bool,
) -> None:
    deadline = perf_counter() + settings.budget_s
    for done in range(rounds):
        if not lanes or (done >= MIN_ROUNDS and perf_counter() > deadline):
            return
        for lane in _order(lanes, done):
            runner = _runner(lane)
            # One untimed call brings this contender's weights back into the caches.
            runner.sample_ns(image, 1)
            lane.samples_ms.append(
                runner.sample_ns(image, lane.inner) / lane.inner / 1e6
            )
            if settle:
                sleep(runner.settle_s)
        _tell(settings, done + 1, rounds)


def _tell(settings: Settings, done: int, rounds: int) -> None:
    if settings.on_round is not None:
        settings.on_round(done, rounds)


def _order(lanes: Sequence[_Lane], done: int) -> list[_Lane]:
    """Rotate by one each round, and turn around every full cycle."""
    shift = done % len(lanes)
    order = [*lanes[shift:], *lanes[:shift]]
    return order[::-1] if (done // len(lanes)) % 2 else order


def _runner(lane: _Lane) -> Runner:
    assert lane.runner is not None
    return lane.runner


def _remote_versions(lanes: Sequence[_Lane]) -> dict[str, str]:
    """Return versions of engines in other interpreters, which only they know."""
    runners = {lane.contender.engine: lane.runner for lane in lanes}
    return {name: one.version for name, one in runners.items() if one and one.version}


def _timing(lane: _Lane) -> Timing:
    timing = Timing(
        name=lane.contender.name,
        engine=lane.contender.engine,
        weights=lane.contender.subject.weights,
        spread=None,
        agreement=lane.agreement,
        prepare_ms=lane.prepare_ms,
        refused=lane.refused,
    )
    if lane.refused is not None:
        return timing
    samples = np.asarray(lane.samples_ms, dtype=np.float64)
    return replace(
        timing,
        spread=summarise(samples, inner=lane.inner),
        samples_ms=tuple(lane.samples_ms),
    )


@cache
def _turn() -> Lock:
    """Return the lock of this process's one measurement at a time."""
    return Lock()


@contextmanager
def _alone(settings: Settings, rounds: int) -> Iterator[None]:
    """Wait until no other thread measures: two at once would time each other.

    They would also undo each other's process-wide settings in the wrong order.
    """
    while not _turn().acquire(timeout=_TURN_S):
        _tell(settings, 0, rounds)
    try:
        yield
    finally:
        _turn().release()


@contextmanager
def _same_for_all(threads: int) -> Iterator[None]:
    """Pin torch's threads, flush denormals, stop the collector; undo it all."""
    before = torch.get_num_threads()
    collecting = gc.isenabled()
    flushing = bool(_SUBNORMAL * np.float32(1) == 0)
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(flushing)
        if collecting:
            gc.enable()
