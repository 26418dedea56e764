"""A compiled network: call it with images, ask it what it does and how long.

Belongs here: the public `Program`. Does not belong here: how it was compiled
(`compile`) or its file format (`file`).
"""

from __future__ import annotations

import weakref
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.engine.fits import misfit
from workbench.engine.graph.graph import Graph
from workbench.engine.lowering.lower import Lowered, PlanMisfit, lower, memory_bytes
from workbench.engine.planning.costs import ModelCosts
from workbench.engine.planning.plan import ExecutionPlan, kernels_here
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import find_slots
from workbench.engine.report import Profile, StepReport, profile_of, report_of
from workbench.errors import WorkbenchError
from workbench.kernels import Executor, KernelError
from workbench.kernels.executor import check_threads

LOADED_BYTES = 2 << 30
"""Activations that a program from a file may take unless told otherwise: a file of a
kilobyte can ask for any size."""


class Program:
    """A network that runs as one C call.

    Parameters
    ----------
    graph : Graph
        Simplified: batch norm folded, activations fused.
    plan : ExecutionPlan
        Layouts and kernels.
    most_bytes : int, optional
        Activations may take so many; the memory of the machine if not given.

    Attributes
    ----------
    source : weakref or None
        What it was compiled from, for those who compare the two; not kept alive.

    Notes
    -----
    May be called from several Python threads: calls take turns. Results are equal
    bit for bit from run to run for a given plan and thread count.
    """

    def __init__(
        self, graph: Graph, plan: ExecutionPlan, *, most_bytes: int | None = None
    ) -> None:
        self.graph = graph
        self.plan = plan
        most = memory_bytes() if most_bytes is None else most_bytes
        self._lowered: Lowered = lower(graph, find_slots(graph), plan, most_bytes=most)
        self._executor = Executor(
            self._lowered.steps,
            arena_floats=self._lowered.arena.floats,
            threads=plan.team,
            most_bytes=most,
        )
        self.source: weakref.ref[Any] | None = None
        # A run has pushed the interpreter out of the caches: calls look up little.
        self._signature = graph.signature
        self._input_shapes = graph.input_shapes
        self._output_shapes = graph.output_shapes
        self._plain = len(self._input_shapes) == 1 and (
            self._signature.structure == "tensor"
        )

    @property
    def name(self) -> str:
        """Name of the network."""
        return self.graph.name

    @property
    def threads(self) -> int:
        """Threads that it may use."""
        return self.plan.threads

    @property
    def team(self) -> int:
        """Threads that share each step: fewer than it may use where that is faster."""
        return self.plan.team

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image, (C, H, W); of networks with one input."""
        return self.graph.input_shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one result; of networks with one output."""
        return self.graph.output_shape

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the inputs by name, in order, without the batch axis."""
        return dict(zip(self._signature.inputs, self._input_shapes, strict=True))

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the outputs by name, in order, without the batch axis."""
        return dict(zip(self._signature.outputs, self._output_shapes, strict=True))

    @property
    def arena_bytes(self) -> int:
        """Bytes of all activations together."""
        return self._lowered.arena.floats * 4

    @property
    def steps(self) -> tuple[StepReport, ...]:
        """What runs, in order, and why; times are those of the selection."""
        return report_of(self.graph, self.plan, self._lowered)

    def __call__(self, *x: Any) -> Any:
        """Return the network's result for a batch of images.

        Parameters
        ----------
        *x : array_like of float32, shape (N, C, H, W)
            Anything numpy can view as an array, a CPU torch tensor included. Several
            inputs come in order, or as one dict by name.

        Returns
        -------
        numpy.ndarray of float32, shape (N, ...)
            Several outputs come back as the network returns them: a tuple, a list, or
            a dict with its keys.

        Raises
        ------
        WorkbenchError
            Another number of inputs, another shape, or nothing that numpy can view as
            numbers.
        """
        if self._plain and len(x) == 1 and not isinstance(x[0], dict):
            images = self._images(x[0], 0)
            return self._run(images, self._output_shapes[0])
        return self._signature.returned(self.results(*x))

    def results(self, *x: Any) -> tuple[NDArray[np.float32], ...]:
        """Return the results of a batch in the order of ``outputs``, one an output.

        Parameters and errors as in a call.
        """
        given = self._signature.ordered(x)
        arrays = [self._images(one, place) for place, one in enumerate(given)]
        sizes = {len(array) for array in arrays}
        if len(sizes) > 1:
            raise WorkbenchError(
                f"inputs of {' and '.join(str(n) for n in sorted(sizes))} images",
                "equally many of each input",
                "Give every input the same batch.",
            )
        if len(arrays) == 1:
            rows = arrays[0]
        else:
            flat = [array.reshape(len(array), -1) for array in arrays]
            rows = np.concatenate(flat, axis=1)
        if len(self._output_shapes) == 1:
            return (self._run(rows, self._output_shapes[0]),)
        widths = [prod(shape) for shape in self._output_shapes]
        whole = self._run(rows, (sum(widths),))
        parts = np.split(whole, np.cumsum(widths)[:-1], axis=1)
        return tuple(
            np.ascontiguousarray(part).reshape(len(whole), *shape)
            for part, shape in zip(parts, self._output_shapes, strict=True)
        )

    def _run(
        self, rows: NDArray[np.float32], shape: tuple[int, ...]
    ) -> NDArray[np.float32]:
        """Return results of a shape for rows of all inputs' floats."""
        try:
            result = np.empty((len(rows), *shape), np.float32)
        except (MemoryError, ValueError) as error:
            raise _too_many(rows.shape) from error
        if len(rows):
            self._executor.run(rows, result)
        return result

    def _images(self, x: Any, place: int) -> NDArray[np.float32]:
        """Return what was given for an input as contiguous numbers of its shape."""
        shape = self._input_shapes[place]
        try:
            kind = getattr(x, "dtype", None)
            if getattr(kind, "kind", "f") in "cmMSUV" or getattr(
                kind, "is_complex", False
            ):
                raise TypeError(f"elements of type {kind}")
            images = np.ascontiguousarray(x, dtype=np.float32)
        except MemoryError as error:
            raise _too_many(np.shape(x)) from error
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            raise WorkbenchError(
                f"{self._called(place)} of type {type(x).__name__} that is no array: "
                f"{error}",
                f"numbers of shape (N, {', '.join(map(str, shape))})",
                "Pass a numpy array, or a torch tensor on the CPU without gradients.",
            ) from error
        if images.shape[1:] != shape:
            raise WorkbenchError(
                f"{self._called(place)} of shape {images.shape}",
                f"(N, {', '.join(map(str, shape))})",
                "Add the batch axis and match channels, height and width.",
            )
        return images

    def _called(self, place: int) -> str:
        """Return what to call an input in an error."""
        several = len(self._input_shapes) > 1
        return f"input {self._signature.inputs[place]!r}" if several else "an input"

    def profile(self, *x: Any, rounds: int = 20) -> Profile:
        """Return the time of every step, measured in place.

        Parameters
        ----------
        *x : array_like of float32, shape (N, C, H, W)
            As in a call. Run once first, so that the arena holds real activations.
        rounds : int
            How often the whole program runs; medians are reported.
        """
        self(*x)
        return profile_of(self.steps, self._executor.time_steps(rounds), self._lowered)

    def save(self, path: str | Path) -> None:
        """Write the program as a `.wbp` file that needs only numpy to run."""
        from workbench.engine.file import save_program

        save_program(self.graph, self.plan, Path(path))

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        threads: int | None = None,
        most_bytes: int = LOADED_BYTES,
    ) -> Program:
        """Read a `.wbp` file.

        Parameters
        ----------
        path : str or Path
        threads : int, optional
            Another number of threads than the plan was made for.
        most_bytes : int
            Activations may take so many.

        Notes
        -----
        On a machine with other kernels than those the file was tuned for, and where the
        plan in the file does not fit its network, the cost model plans anew;
        `compile_graph` of ``program.graph`` measures again.

        Raises
        ------
        WorkbenchError
            A damaged, truncated, foreign or too new file, or one that asks for more
            memory than it may have.
        """
        from workbench.engine.file import check_unread, load_program

        if threads is not None:
            check_threads(threads)
        graph, stored = load_program(Path(path))
        program = cls._restored(graph, stored, threads, most_bytes)
        if program is None:
            wanted = threads or (stored.threads if stored is not None else 1)
            costs = ModelCosts(graph, wanted)
            plan = select(graph, find_slots(graph), costs, wanted)
            program = cls(graph, plan, most_bytes=most_bytes)
        check_unread(graph)
        return program

    @classmethod
    def _restored(
        cls,
        graph: Graph,
        plan: ExecutionPlan | None,
        threads: int | None,
        most_bytes: int,
    ) -> Program | None:
        """Return the program of a stored plan, None where it may not run."""
        if plan is None or plan.kernels != kernels_here():
            return None
        if misfit(graph, find_slots(graph), plan) is not None:
            return None
        if threads is not None:
            plan = replace(plan, threads=threads, used=threads)
        try:
            return cls(graph, plan, most_bytes=most_bytes)
        except (KernelError, PlanMisfit):
            return None

    def close(self) -> None:
        """Stop the program's threads; a later call starts them again."""
        self._executor.close()

    def __repr__(self) -> str:
        shapes = (", ".join(map(str, shape)) for shape in self._input_shapes)
        given = ", ".join(f"({shape})" for shape in shapes)
        return (
            f"Program({self.name!r}, input={given}, "
            f"steps={len(self._lowered.steps)}, threads={self.team})"
        )


def _too_many(shape: tuple[int, ...]) -> WorkbenchError:
    return WorkbenchError(
        f"an input of shape {tuple(shape)}: there is no memory for so many images",
        "a batch that fits beside its results",
        "Run fewer images at a time.",
    )
