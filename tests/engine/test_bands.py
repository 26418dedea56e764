"""Layers that run in bands of rows give what they give alone, in less memory."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from workbench.capture.compile import compile
from workbench.engine.layout.layout import Pad, make_layout
from workbench.engine.lowering.bands import Chain, Units
from workbench.engine.lowering.schedule import Task, Tensor, make_schedule
from workbench.engine.lowering.sliding_buffers import SLIDING, Slide, find_windows
from workbench.engine.planning.costs import ModelCosts
from workbench.engine.planning.layout_choices import slot_forms
from workbench.engine.planning.plan import Band, ExecutionPlan
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import find_slots
from workbench.engine.program import Program
from workbench.engine.tuning.try_bands import propose
from workbench.engine.tuning.tuned import Tuned
from workbench.kernels import KernelError, forced_isa, info
from workbench.kernels.steps.parts import move

TOLERANCE = 2e-5
"""Of the largest result: float32 sums of at most 600 terms in another order."""


def chain_of_layers() -> nn.Module:
    """Return a stem, depthwise pairs of both strides, a 5x5 and a pool."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1),
        nn.ReLU6(),
        nn.Conv2d(8, 8, 3, 1, 1, groups=8),
        nn.ReLU(),
        nn.Conv2d(8, 18, 1),
        nn.ReLU(),
        nn.Conv2d(18, 18, 3, 2, 1, groups=18),
        nn.Conv2d(18, 21, 1),
        nn.Conv2d(21, 21, 5, 1, 2, groups=21),
        nn.Conv2d(21, 9, 3, 1, 1),
        nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(9, 5, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def pruned(module: nn.Module, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
            if parameter.ndim == 4 and parameter.shape[1] > 1:
                kept = torch.rand(parameter.shape, generator=generator) < 0.5
                parameter.mul_(kept)
    return module.eval()


def banded(program: Program, *bands: Band) -> Program:
    """Return the program with these bands and layouts that windows can have."""
    graph = program.graph
    slots = find_slots(graph)
    forms = {
        slot: tuple(f for f in found if f.kind in SLIDING) or found
        for slot, found in slot_forms(graph, slots).items()
    }
    plan = select(graph, slots, ModelCosts(graph, program.threads), 1, forms)
    plan = replace(plan, bands=bands, threads=program.threads)
    return Program(graph, plan)


@pytest.mark.parametrize("isa", info().available)
@pytest.mark.parametrize("size", [(40, 56), (36, 100)])
@pytest.mark.parametrize("rows", [2, 6, 10])
@pytest.mark.parametrize("threads", [1, 2])
def test_bands_equal_torch(
    isa: str, size: tuple[int, int], rows: int, threads: int
) -> None:
    torch.set_num_threads(1)
    module = pruned(chain_of_layers(), 7)
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(8))
    with torch.no_grad():
        expected = module(x).numpy()
    with forced_isa(isa):
        whole = compile(module, example=x[:1], tune="model", threads=threads)
        ids = [node.id for node in whole.graph]
        program = banded(whole, Band(ids[0], ids[-3], rows))
        first, second = program(x), program(x)
    scale = np.abs(expected).max()
    assert np.abs(first - expected).max() <= TOLERANCE * scale
    assert np.array_equal(first, second)
    if isa != "numpy":
        assert program.arena_bytes < whole.arena_bytes
        assert len(program._executor.steps) > len(whole._executor.steps)


def test_executed_macs_do_not_depend_on_bands() -> None:
    module = pruned(chain_of_layers(), 7)
    x = torch.zeros(1, 3, 40, 56)
    whole = compile(module, example=x, tune="model")
    ids = [node.id for node in whole.graph]
    program = banded(whole, Band(ids[0], ids[-3], 6))
    macs = {s.layer: s.theoretical_macs for s in whole.steps}
    assert {s.layer: s.theoretical_macs for s in program.steps} == macs
    plain = banded(whole)
    assert [s.executed_macs for s in program.steps] == [
        s.executed_macs for s in plain.steps
    ]


def test_proposed_bands_cover_the_large_layers_and_survive_a_file() -> None:
    module = pruned(chain_of_layers(), 3)
    program = compile(module, example=torch.zeros(1, 3, 160, 160), tune="model")
    graph = program.graph
    slots = find_slots(graph)
    sizes = (200_000, 100_000)
    tuned = Tuned(graph, slots, ModelCosts(graph, 1), program.plan)
    plan = propose(tuned, sizes)
    # Bytes in and out: 3x160x160 + 8x80x80 floats are 512,000; the largest is the first
    # 1x1, (8 + 18) x 80 x 80 floats = 665,600; 18x80x80 + 18x40x40 = 576,000; then
    # 39x40x40 = 249,600, 42x40x40 = 268,800, 30x40x40 = 192,000 bytes (small).
    # Rows: the input leads the chain with 160 rows; 160 x 100,000 / 665,600 = 24.04,
    # and 24 is a multiple of 160 / 40 = 4.
    assert plan is not None
    (band,) = plan.bands
    ids = [node.id for node in graph]
    assert (band.first, band.rows) == (ids[0], 24)
    assert graph.node(band.last).shape == (21, 40, 40)
    assert ExecutionPlan.from_json(plan.to_json()).bands == plan.bands


def test_a_stem_joins_the_stage_behind_it() -> None:
    module = pruned(chain_of_layers(), 3)
    program = compile(module, example=torch.zeros(1, 3, 160, 160), tune="model")
    graph, sizes = program.graph, (400_000, 100_000)
    slots, costs = find_slots(graph), ModelCosts(graph, 1)
    plan = propose(Tuned(graph, slots, costs, program.plan), sizes, staged=True)
    # The stem halves the image but is no stage alone; the stage ends with the
    # depthwise of stride 2: 18x80x80 + 18x40x40 floats = 576,000 bytes. Rows above.
    assert plan is not None
    (band,) = plan.bands
    ids = [node.id for node in graph]
    assert (band.first, band.rows) == (ids[0], 24)
    assert graph.node(band.last).shape == (18, 40, 40)


def test_window_worked_by_hand() -> None:
    # A 3x3 layer reads 6 rows in bands of 2 made rows. Band 0: rows 0-1 exist, output
    # row 0 reads rows -1..1. Band 1: rows 2-3 are made, output rows 1-2 read 0..3.
    # Band 2: rows 4-5 are made, output rows 3-5 read 2..6. So the window starts at rows
    # -1, 0, 2, carries rows 0-1 and 2-3, clears -1 and 6, and holds 5 rows.
    module = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 3, padding=1))
    graph = compile(module, example=torch.zeros(1, 1, 6, 16), tune="model").graph
    one, two = (node for node in graph if node.inputs)
    layout = make_layout("rows", (1, 6, 16), Pad(1, 1))
    inner = Tensor("inner", layout, 0, 1)
    outer = Tensor("outer", make_layout("planes", (1, 6, 16)), 0, 1)
    tasks = (
        Task("node", one, (outer,), inner),
        Task("node", two, (inner,), outer),
    )
    ends = np.arange(1, 7) * 16
    row = np.arange(6)
    chain = Chain(
        0,
        (Units(ends, row, row, 16, 6), Units(ends, row - 1, row + 1, 16, 6)),
        np.array([[2, 1], [4, 3], [6, 6]]),
    )
    windows = find_windows(tasks, chain, ("outer",))
    assert windows["inner"].slides == (
        Slide(-1, None, ((-1, 0),)),
        Slide(0, (0, 2), ()),
        Slide(2, (2, 4), ((6, 7),)),
    )
    assert windows["inner"].layout.height == 5


def test_unknown_nodes_leave_a_plan_without_bands() -> None:
    module = pruned(chain_of_layers(), 3)
    program = compile(module, example=torch.zeros(1, 3, 40, 56), tune="model")
    other = banded(program, Band("gone", "nowhere", 4))
    assert len(other._executor.steps) == len(banded(program)._executor.steps)
    assert make_schedule(program.graph, find_slots(program.graph), other.plan)


@pytest.mark.skipif(
    not info().native, reason="the NumPy back end has no moves: compile the kernels"
)
def test_moves_stay_in_the_arena_and_go_down() -> None:
    with pytest.raises(KernelError, match="higher place"):
        move(src=10, dst=20, floats=4, arena_floats=100)
    with pytest.raises(KernelError, match="of the arena"):
        move(src=None, dst=90, floats=20, arena_floats=100)
