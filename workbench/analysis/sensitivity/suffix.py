"""Running a network from the pruned layer on, with everything before it kept.

The network is exported once to a functional graph of torch's own operations. A node
that depends on no changed parameter gives the same value in every cell: the values
that cross from these nodes to the others (the frontier) are computed once and kept.
Since the same operations run on the same values in the same batches, results are equal
bit for bit to those of the whole module; ``make_runner`` proves it on the first batch.

Belongs here: partial execution. Does not belong here: faster forms of an operation
(``sensitivity_forms``), what is changed and how it is scored (``sensitivity``).
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import fx, nn

from workbench.analysis.sensitivity.forms import Forms, Trial, may_overwrite
from workbench.capture.from_torch.twin import twin
from workbench.data.dataset import Dataset

logger = logging.getLogger(__name__)

Params = Mapping[str, torch.Tensor]
Check = Callable[[], None]
Values = dict[fx.Node, Any]
# What torch.export raises when a network is no static graph.
_REFUSALS = (RuntimeError, TypeError, ValueError, AssertionError, NotImplementedError)


class Runner:
    """Return something that runs a network on a dataset with some parameters changed.

    Parameters
    ----------
    module : nn.Module
        In evaluation mode; not changed.
    data : Dataset
        Images of every run.
    batch : int
        Images a forward pass.
    """

    reuses_prefix = False

    def __init__(self, module: nn.Module, data: Dataset, batch: int) -> None:
        self.module = module
        self.labels = torch.from_numpy(data.labels.copy())
        self.batch = batch
        self._data = data

    def __call__(
        self, changed: Params, check: Check = lambda: None
    ) -> Iterator[torch.Tensor]:
        """Yield the scores of each batch in order, (batch, classes).

        Parameters
        ----------
        changed : mapping of str to torch.Tensor
            Parameter names and the values that replace the network's own.
        check : callable
            Called before each batch; may raise to stop.
        """
        work = copy.deepcopy(self.module)
        with torch.no_grad():
            for name, value in changed.items():
                work.get_parameter(name).copy_(value)
        for start in range(0, len(self._data), self.batch):
            check()
            with torch.inference_mode():
                scores: torch.Tensor = work(self._images(start))
            yield scores

    def _images(self, start: int) -> torch.Tensor:
        return self._data.tensor(slice(start, start + self.batch))


class SuffixRunner(Runner):
    """Return a runner that computes what comes before a change only once.

    Parameters
    ----------
    module, data, batch
        As in ``Runner``.
    cache_bytes : int
        Memory for kept values; batches beyond it run whole each time.

    Raises
    ------
    RuntimeError, TypeError, ValueError, AssertionError, NotImplementedError
        The module cannot be exported.
    """

    reuses_prefix = True

    def __init__(
        self, module: nn.Module, data: Dataset, batch: int, *, cache_bytes: int
    ) -> None:
        super().__init__(module, data, batch)
        self._budget = cache_bytes
        self.forms = Forms()
        graph, self._source = _exported(module, self._images(0)[:2])
        self._order = {node: rank for rank, node in enumerate(graph.nodes)}
        self._image = next(n for n in graph.nodes if n.name not in self._source)
        self._result: fx.Node = next(
            n for n in reversed(graph.nodes) if n.op == "output"
        ).all_input_nodes[0]
        state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        self._given: Values = {
            node: state[self._source[node.name]].detach()
            for node in graph.nodes
            if node.name in self._source
        }
        self._changed: frozenset[str] = frozenset()
        self._kept: dict[int, Values] = {}

    def __call__(
        self, changed: Params, check: Check = lambda: None
    ) -> Iterator[torch.Tensor]:
        """Yield the scores of each batch; see ``Runner``."""
        dirty = self._dirty(frozenset(changed))
        frontier = self._frontier(dirty)
        if frozenset(changed) != self._changed:
            self._move(frontier, frozenset(changed), check)
        given = {
            **self._given,
            **{node: changed[name] for node, name in self._places() if name in changed},
        }
        for start in range(0, len(self._data), self.batch):
            check()
            known = self._kept.get(start)
            if known is None:
                known = self._run(frontier, {self._image: self._images(start)})
            scores = self._run((self._result,), {**given, **known})[self._result]
            yield scores

    def try_forms(self) -> None:
        """Take the faster forms that give equal bits for every size of batch."""
        trial = Trial()
        self.forms = trial
        sizes = {min(self.batch, len(self._data)), len(self._data) % self.batch}
        for size in sorted(sizes - {0}, reverse=True):
            self._run((self._result,), {self._image: self._images(0)[:size]})
        self.forms = trial.found

    def _move(
        self, frontier: Sequence[fx.Node], changed: frozenset[str], check: Check
    ) -> None:
        """Keep the values of another frontier, from those kept so far."""
        moved: dict[int, Values] = {}
        used = 0
        for start in range(0, len(self._data), self.batch):
            check()
            old = self._kept.pop(start, {})
            images = {self._image: self._images(start)}
            values = self._run(frontier, {**images, **old})
            used += sum(
                value.nbytes
                for value in values.values()
                if isinstance(value, torch.Tensor)
            )
            if used > self._budget:
                break
            moved[start] = values
        self._kept, self._changed = moved, changed

    def _run(self, wanted: Sequence[fx.Node], known: Values) -> Values:
        """Return the wanted nodes' values, computing only what is not known."""
        values = {**self._given, **known}
        todo = self._needed(wanted, values)
        last = {source: node for node in todo for source in node.all_input_nodes}
        keep, own = set(wanted), {node for node in todo if may_overwrite(node)}
        own -= keep
        with torch.inference_mode():
            for node in todo:
                args = fx.node.map_arg(node.args, values.__getitem__)
                kwargs = fx.node.map_arg(node.kwargs, values.__getitem__)
                first = node.args[0] if node.args else None
                spare = (
                    isinstance(first, fx.Node) and first in own and last[first] is node
                )
                values[node] = self.forms(node, args, kwargs, spare=spare)
                for source in node.all_input_nodes:
                    if last[source] is node and source not in keep:
                        values.pop(source, None)
        return {node: values[node] for node in wanted}

    def _needed(self, wanted: Sequence[fx.Node], known: Values) -> list[fx.Node]:
        """Return the nodes to compute, in order."""
        todo: set[fx.Node] = set()
        open_nodes = [node for node in wanted if node not in known]
        while open_nodes:
            node = open_nodes.pop()
            if node in todo:
                continue
            todo.add(node)
            open_nodes += [n for n in node.all_input_nodes if n not in known]
        return sorted(todo, key=self._order.__getitem__)

    def _dirty(self, changed: frozenset[str]) -> set[fx.Node]:
        """Return every node whose value depends on a changed parameter."""
        dirty = {node for node, name in self._places() if name in changed}
        for node in self._order:
            if dirty.intersection(node.all_input_nodes):
                dirty.add(node)
        return dirty

    def _frontier(self, dirty: set[fx.Node]) -> tuple[fx.Node, ...]:
        """Return the clean computed nodes that dirty nodes read."""
        return tuple(
            node
            for node in self._order
            if node not in dirty
            and node.name not in self._source
            and (node is self._result or dirty.intersection(node.users))
        )

    def _places(self) -> Iterator[tuple[fx.Node, str]]:
        """Yield the nodes that stand for parameters, with their names."""
        for node in self._given:
            yield node, self._source[node.name]


def make_runner(
    module: nn.Module, data: Dataset, *, batch: int, cache_bytes: int
) -> Runner:
    """Return the fastest runner whose scores equal the module's bit for bit.

    Falls back to running the whole module where it cannot be exported, or where the
    exported graph does not give the same bits on the first batch.
    """
    whole = Runner(module, data, batch)
    try:
        found = SuffixRunner(module, data, batch, cache_bytes=cache_bytes)
    except _REFUSALS as error:
        logger.info("no prefix reuse: %s", str(error).partition("\n")[0])
        return whole
    expected = next(whole({}))
    if torch.equal(expected, next(found({}))):
        found.try_forms()
        if not torch.equal(expected, next(found({}))):
            logger.info("no faster forms: they round otherwise")
            found.forms = Forms()
        return found
    logger.info("no prefix reuse: the exported graph rounds otherwise")
    return whole


def _exported(
    module: nn.Module, example: torch.Tensor
) -> tuple[fx.Graph, dict[str, str]]:
    """Return the functional graph, and the state's name behind each placeholder."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(
            twin(module),
            (example,),
            dynamic_shapes=({0: torch.export.Dim.AUTO},),
            strict=False,
        ).run_decompositions({})
    signature = program.graph_signature
    source = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    inputs = [n for n in program.graph.nodes if n.op == "placeholder"]
    if len(inputs) != len(source) + 1 or signature.buffers_to_mutate:
        raise ValueError("the network has constants, or state that it changes")
    return program.graph, source
