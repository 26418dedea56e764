"""Measured costs: every eligible candidate timed within a budget.

Belongs here: what is tried, in which order, and what stands in for times that
the budget did not allow. Does not belong here: one trial (`trial`) or the
choice (`select`).
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path

from workbench.engine.candidates import Form
from workbench.engine.graph.graph import Graph, Node
from workbench.engine.layout.layout import (
    Layout,
    Pad,
    image_of,
    make_layout,
    split_layout,
)
from workbench.engine.planning.costs import ModelCosts, Option
from workbench.engine.planning.layout_choices import slot_forms
from workbench.engine.planning.plan import Rejection
from workbench.engine.planning.slots import Slots
from workbench.engine.planning.timing_cache import TimingCache, node_key, structure_of
from workbench.engine.tuning.race_kernels import Bench, place_operands, race
from workbench.engine.tuning.worth_timing import (
    Entry,
    best_of,
    finished,
    promising,
    slow_variants,
)
from workbench.kernels import convert
from workbench.kernels.executor import WARM_BYTES

PATIENCE = 4.0
"""Wall-clock seconds for each second of budget on a busy machine."""

ALONE_SHARE = 0.7
"""Of the budget, for kernels timed alone; whole programs are timed in the rest."""

FINALISTS = 2
"""Variants that are also timed with the other layouts of the output."""

APART = ("strips", "rows")
"""Layouts in which pixels of different threads lie apart, in all channels at once."""

SLOW = 1.5
"""Variants this much slower than the best are not timed with another layout of the
input."""

CLOSE = 1.25
"""Options this close to the best are timed with the other layouts of the output."""


@dataclass
class Budget:
    """How far to go. The clock starts when this is made.

    Parameters
    ----------
    budget_s : float
        Processor seconds of this thread for everything until the plan is found: what
        else runs on the machine does not shorten the search, unless it makes it last
        `PATIENCE` times as long.
    cache : Path or None
        Folder of known times.
    """

    budget_s: float = 20.0
    cache: Path | None = None
    _started: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        self._started = (time.thread_time(), time.monotonic())

    @property
    def over(self) -> bool:
        """Say whether the budget is spent."""
        return self._spent() >= 1.0

    @property
    def alone_over(self) -> bool:
        """Say whether the part of the budget for kernels timed alone is spent."""
        return self._spent() >= ALONE_SHARE

    @property
    def left_s(self) -> float:
        """The seconds of the budget that are left."""
        return self.budget_s * max(0.0, 1.0 - self._spent())

    def _spent(self) -> float:
        worked = time.thread_time() - self._started[0]
        waited = time.monotonic() - self._started[1]
        return max(worked, waited / PATIENCE) / max(self.budget_s, 1e-9)


class MeasuredCosts:
    """Options with times measured on this machine; `measure_costs` makes them.

    Parameters
    ----------
    graph : Graph
        Simplified.
    slots : Slots
    threads : int
    tuning : Budget
    known : MeasuredCosts, optional
        Of a graph that shares nodes with this one: they are not looked at again.
    """

    def __init__(
        self,
        graph: Graph,
        slots: Slots,
        *,
        threads: int,
        tuning: Budget,
        known: "MeasuredCosts | None" = None,
    ) -> None:
        self._model = ModelCosts(graph, threads)
        self._slots, self._tuning = slots, tuning
        self._shapes = {node.id: node.shape for node in graph}
        self._cache: TimingCache = (
            known._cache if known else TimingCache(tuning.cache, threads)
        )
        self._forms = slot_forms(graph, slots)
        self._bench = Bench(threads, cold=_footprint(graph) > WARM_BYTES)
        self._copies: dict[tuple[tuple[int, ...], Form, Form], float] = {}
        self._nodes = {node.id: node for node in graph}
        old = known._nodes if known else {}
        self._fresh = [node for node in graph if old.get(node.id) is not node]
        self._options: dict[str, Sequence[Option]] = (
            dict(known._options) if known else {}
        )
        if known:
            self._copies = known._copies

    def measure(self) -> None:
        """Time what is not known yet, until the budget for it is spent."""
        order = sorted(self._fresh, key=self._expected, reverse=True)
        self._options |= self._search([node for node in order if node.inputs])

    @property
    def over(self) -> bool:
        """Say whether the budget is spent."""
        return self._tuning.over

    @property
    def forms(self) -> Mapping[str, tuple[Form, ...]]:
        """The forms that each slot may have."""
        return self._forms

    def save(self) -> None:
        """Write the new times to the cache folder."""
        self._cache.save()

    def options(self, node: Node) -> Sequence[Option]:
        """Return the options of a node with measured times."""
        return self._options[node.id]

    def rejected(self, node: Node) -> Sequence[Rejection]:
        """Return the candidates that may not run a node, with reasons."""
        return self._model.rejected(node)

    def copy_ms(self, shape: tuple[int, ...], source: Form, target: Form) -> float:
        """Return the time of a layout copy, measured where it can happen."""
        key = (shape, source, target)
        if key not in self._copies:
            self._copies[key] = self._copy_ms(shape, source, target)
        return self._copies[key]

    def _copy_ms(self, shape: tuple[int, ...], source: Form, target: Form) -> float:
        modelled = self._model.copy_ms(shape, source, target)
        if modelled in (0.0, inf):
            return modelled
        return self._copy(shape, source, target, modelled)

    def _copy(
        self, shape: tuple[int, ...], source: Form, target: Form, modelled: float
    ) -> float:
        layouts = tuple(_plain(shape, form) for form in (source, target))
        key = f"copy:{layouts}:{self._bench.cold}"
        ms = self._cache.get(key)
        if ms is not None or self._tuning.alone_over:
            return modelled if ms is None else ms
        binding = place_operands(layouts[:1], layouts[1])
        step = convert(
            geometry_in=binding.inputs[0].geometry,
            geometry_out=binding.output.geometry,
            phase_split=target.split > 1,
        )
        ms = race({"": (step,)}, binding, self._bench)[""]
        self._cache.put(key, ms)
        return ms

    def _expected(self, node: Node) -> float:
        if not node.inputs or node.op in ("slice", "concat"):
            return 0.0
        return min(option.ms for option in self._model.options(node))

    def _search(self, order: Sequence[Node]) -> dict[str, Sequence[Option]]:
        """Return the options of each node, the most promising ones measured.

        The likely best option of every node comes first, slow nodes before fast ones,
        then every second one, and so on: whenever the budget ends, it was spent where
        it matters most. Other layouts of the output are timed last.
        """
        entries = {node.id: self._entries(node) for node in order}
        for rank in range(max(map(len, entries.values()), default=0)):
            for node in order:
                mine = entries[node.id]
                if len(mine) > 1 and rank < len(mine) and promising(mine, rank):
                    self._first(mine[rank], mine)
        for node in order:
            mine = entries[node.id]
            for entry in mine:
                if entry.ms <= CLOSE * best_of(mine) < inf:
                    self._others(entry)
        return {name: finished(mine) for name, mine in entries.items()}

    def _entries(self, node: Node) -> list[Entry]:
        if node.op in ("slice", "concat"):
            return []
        modelled = sorted(self._model.options(node), key=lambda option: option.ms)
        return [Entry(node, option) for option in modelled]

    def _first(self, entry: Entry, entries: Sequence[Entry]) -> None:
        """Time the variants of an option with the most natural layout written."""
        natural, *_ = self._targets(entry.node, entry.option)
        slow = slow_variants(entry, entries, SLOW)
        times = self._race(
            entry.node, entry.option, natural, without=slow, to_beat=best_of(entries)
        )
        if times:
            entry.times[natural] = times

    def _others(self, entry: Entry) -> None:
        """Time the best variants of an option with the other layouts written."""
        _, *others = self._targets(entry.node, entry.option)
        (times,) = entry.times.values()
        finalists = tuple(sorted(times, key=lambda v: times[v])[:FINALISTS])
        for target in others:
            entry.times[target] = self._race(
                entry.node, entry.option, target, finalists
            )

    def _targets(self, node: Node, option: Option) -> list[Form]:
        """Return the forms the output may get, the most natural first."""
        forms = self._forms[self._slots.parts[node.id].slot]
        targets = [form for form in forms if form in option.targets]
        natural = Form(option.form.kind)
        return sorted(targets, key=lambda f: (f != natural, f.kind not in APART))

    def _race(
        self,
        node: Node,
        option: Option,
        target: Form,
        only: tuple[str, ...] = (),
        *,
        without: Collection[str] = (),
        to_beat: float = inf,
    ) -> dict[str, float]:
        """Return times in ms by variant, known or measured now."""
        candidate = option.candidate
        layouts = self._layouts(node, option.form, target)
        key = (
            f"{node_key(node, layouts)}:{candidate.name}:"
            f"{structure_of(node, candidate)}:{self._bench.cold}"
        )
        wanted = only or self._cache.variants(key)
        times = {v: self._cache.get(f"{key}:{v}") for v in wanted}
        if (not times or None in times.values()) and not self._tuning.alone_over:
            binding = replace(
                place_operands(layouts[:-1], layouts[-1]),
                shapes=[self._shapes[name] for name in node.inputs],
            )
            ready = candidate.prepare(node, binding)
            allowed = [v for v in ready.variants() if v not in without]
            steps = {v: ready.build(v) for v in only or allowed if v in allowed}
            if steps:
                times |= race(steps, binding, self._bench, to_beat)
            for variant, ms in times.items():
                if ms is not None:
                    self._cache.put(f"{key}:{variant}", ms)
        return {variant: ms for variant, ms in times.items() if ms is not None}

    def _layouts(self, node: Node, form: Form, target: Form) -> tuple[Layout, ...]:
        first = self._alone(node.inputs[0], form)
        output = self._alone(node.id, target)
        others = []
        for name in node.inputs[1:]:
            same = self._shapes[name] == node.shape
            others.append(output if same else self._alone(name, Form("tight")))
        return (first, *others, output)

    def _alone(self, name: str, form: Form) -> Layout:
        part = self._slots.parts[name]
        return self._slots.layout(part.slot, form, part.channels)


def measure_costs(
    graph: Graph,
    slots: Slots,
    *,
    threads: int,
    tuning: Budget,
    known: MeasuredCosts | None = None,
) -> MeasuredCosts:
    """Time the candidates of every layer within a budget; return what they cost.

    Parameters
    ----------
    graph, slots, threads, tuning, known
        As `MeasuredCosts` takes them.
    """
    costs = MeasuredCosts(graph, slots, threads=threads, tuning=tuning, known=known)
    costs.measure()
    return costs


def _plain(shape: tuple[int, ...], form: Form) -> Layout:
    """Return a layout with the usual pad: copies hardly depend on it."""
    pad = Pad(1, 1)
    if form.split > 1:
        return split_layout(form.kind, image_of(shape), form.split, pad)
    return make_layout(form.kind, shape, pad)


def _footprint(graph: Graph) -> int:
    weights = sum(a.nbytes for node in graph for a in node.params.values())
    widest = max(4 * _floats(node.shape) for node in graph)
    return weights + 2 * widest


def _floats(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
