"""The executor: runs a list of steps over an arena of its own.

Belongs here: the public, checking face. Does not belong here: threads and their parts
(ext/core/team.c) or how steps are made.
"""

from collections.abc import Sequence
from types import TracebackType

from workbench.kernels.backend import module
from workbench.kernels.mixed import MixedRunner
from workbench.kernels.reference import ReferenceRunner, ReferenceStep, Runner
from workbench.kernels.steps.array import ArrayStep
from workbench.kernels.values import checks
from workbench.kernels.values.types import F32, I64, KernelError, Sizes, Step

MAX_THREADS = 256

WARM_BYTES = 768 * 1024
"""Weights and activations that stay in the L2 cache from run to run."""

MOST_BYTES = 1 << 46
"""Of an arena and all scratch: no machine has more, and sums of sizes stay far below
where they would wrap."""


MOST_IMAGES = 1 << 30
"""Of one call of C, which counts them in 32 bits."""

MOST_ROUNDS = 1 << 24
"""Of timing: a time is kept of every step in every round."""


def check_threads(threads: int) -> None:
    """Raise a KernelError unless a step can be cut into so many parts.

    Raises
    ------
    KernelError
        No integer, or not from 1 to `MAX_THREADS`.
    """
    checks.require(
        isinstance(threads, int)
        and not isinstance(threads, bool)
        and 1 <= threads <= MAX_THREADS,
        f"threads={threads!r}",
        f"an integer from 1 to {MAX_THREADS}",
        "Pass the number of cores that the program may use.",
    )


class Executor:
    """Runs steps in order, for each image of a batch, without the GIL.

    Parameters
    ----------
    steps : sequence of Step
        In execution order; all out of the same back end.
    arena_floats : int
        Floats of the arena; zero at the start.
    threads : int
        Parts that each step is cut into, and threads that share them; with 1 none is
        started, and never more than there are processors.
    cold : bool, optional
        Whether weights and activations are out of the caches when a step comes to
        them, so that kernels fetch ahead; left out: when together they take more
        than `WARM_BYTES`.
    most_bytes : int
        Of the arena and the scratch of all threads.

    Raises
    ------
    KernelError
        When there is no step, back ends are mixed, a step leaves the arena, or arena
        and scratch are too large.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        *,
        arena_floats: int,
        threads: int = 1,
        cold: bool | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        check_threads(threads)
        checks.whole("arena_floats", arena_floats, 1)
        checks.require(
            len(steps) > 0, "no steps", "at least one", "Compile the graph again."
        )
        needed = _needed_bytes(steps, arena_floats, threads)
        checks.require(
            needed <= min(most_bytes, MOST_BYTES),
            f"an arena and scratch of {needed / 2**20:,.0f} MiB",
            f"at most {min(most_bytes, MOST_BYTES) / 2**20:,.0f} MiB",
            "Use smaller images or fewer threads, or allow more memory.",
        )
        for step in steps:
            checks.inside_arena(step.kernel, step.extent, arena_floats)
        arrays = [isinstance(step, ArrayStep) for step in steps]
        plain = [isinstance(step, ReferenceStep) for step in steps]
        mixed = any(arrays) and not all(plain)
        checks.require(
            all(plain) or plain == arrays,
            f"{sum(plain) - sum(arrays)} NumPy steps among {len(steps)}",
            "steps of one back end",
            "Make all steps under the same forced_isa.",
        )
        self._steps = tuple(steps)
        if cold is None:
            held = 4 * arena_floats + sum(step.bytes for step in steps)
            cold = held > WARM_BYTES
        sizes = Sizes(arena_floats, threads, cold)
        self._runner: Runner
        if all(plain):
            self._runner = ReferenceRunner(self._steps, arena_floats)
        elif mixed:
            self._runner = MixedRunner(self._steps, sizes, _native_runner)
        else:
            self._runner = _native_runner(self._steps, sizes)
        self._x_floats = max(step.x_floats for step in steps)
        self._y_floats = max(step.y_floats for step in steps)
        self.threads = threads

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps in execution order."""
        return self._steps

    @property
    def arena(self) -> F32:
        """A view of the arena, shape (arena_floats,)."""
        return self._runner.arena

    def run(self, x: F32, y: F32) -> None:
        """Run every step for each image of ``x`` and write the results to ``y``.

        Parameters
        ----------
        x : array of float32, shape (N, ...)
            Images of as many floats as ``load_input`` reads.
        y : array of float32, shape (N, ...)
            Rows of as many floats as ``store_output`` writes.

        Raises
        ------
        KernelError
            When type, contiguity or sizes differ.
        """
        checks.images("x", x, self._x_floats)
        checks.images("y", y, self._y_floats)
        if len(x) != len(y) or not y.flags.writeable:
            raise KernelError(
                f"{len(x)} images and {len(y)} results, writeable: {y.flags.writeable}",
                "equal numbers and a writeable result",
                "Allocate y with numpy.empty.",
            )
        if len(x) <= MOST_IMAGES:
            self._runner.run(x, y)
            return
        for first in range(0, len(x), MOST_IMAGES):
            some = slice(first, first + MOST_IMAGES)
            self._runner.run(x[some], y[some])

    def run_step(self, index: int) -> None:
        """Run one step on the arena as it is; external arrays are zeros."""
        self.time_step(index, 1)

    def time_step(self, index: int, repeats: int) -> I64:
        """Run one step repeatedly and return the nanoseconds, shape (repeats,)."""
        checks.require(
            0 <= index < len(self._steps) and 0 < repeats <= MOST_ROUNDS,
            f"step {index}, {repeats} repeats",
            f"a step of 0..{len(self._steps) - 1}, 1 to {MOST_ROUNDS} repeats",
            "Choose an existing step.",
        )
        return self._runner.times(index, index + 1, repeats)[:, 0]

    def time_steps(self, rounds: int, which: range | None = None) -> I64:
        """Run neighbouring steps repeatedly; return nanoseconds.

        Parameters
        ----------
        rounds : int
            At least 1.
        which : range, optional
            Indices of the steps, one after another; all if not given.

        Returns
        -------
        numpy.ndarray of int64, shape (rounds, steps)
        """
        which = range(len(self._steps)) if which is None else which
        checks.require(
            0 < rounds <= MOST_ROUNDS
            and 0 <= which.start < which.stop <= len(self._steps),
            f"{rounds} rounds of steps {which.start}..{which.stop - 1}",
            f"1 to {MOST_ROUNDS} rounds, steps among 0..{len(self._steps) - 1}",
            "Ask for one or more.",
        )
        return self._runner.times(which.start, which.stop, rounds)

    def close(self) -> None:
        """Stop the threads; a later run starts them again."""
        self._runner.close()

    def __enter__(self) -> "Executor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _native_runner(steps: Sequence[Step], sizes: Sizes) -> Runner:
    made: Runner = module().Runner(tuple(steps), *sizes)
    return made


def _needed_bytes(steps: Sequence[Step], arena_floats: int, threads: int) -> int:
    """Return what the arena, shared scratch and the scratch of each thread take."""
    scratch = max(int(getattr(step, "scratch_floats", 0)) for step in steps)
    shared = max(int(getattr(step, "shared_floats", 0)) for step in steps)
    return 4 * (arena_floats + shared + threads * scratch)
