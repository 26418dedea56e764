"""Layouts, vector tables and the arena, on cases worked by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.nets import NETS, make
from workbench.capture.from_torch.torch_export import capture
from workbench.engine.graph.passes import simplify
from workbench.engine.layout.layout import KINDS, Layout, Pad, make_layout, split_layout
from workbench.engine.layout.offsets import Window, compress_rows, tap_offsets
from workbench.engine.layout.vectors import Walk, make_vectors
from workbench.engine.lowering.arena import plan_arena
from workbench.engine.lowering.schedule import live_ranges, make_schedule
from workbench.engine.planning.costs import ModelCosts
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import find_slots


def test_planes_share_the_gap_between_rows() -> None:
    # 3 x 3 pixels, one zero row above and below, one zero float after each row
    layout = make_layout("planes", (2, 3, 3), Pad(1, 1))
    assert (layout.pitch, layout.origin, layout.channel_stride) == (4, 4, 48)
    assert layout.pixels().tolist() == [[4, 5, 6], [8, 9, 10], [12, 13, 14]]


def test_strips_hold_sixteen_pixels_of_every_channel() -> None:
    layout = make_layout("strips", (3, 5, 5))
    assert layout.size == 2 * 3 * 16
    assert layout.pixels()[3, 0] == 15
    assert layout.pixels()[3, 1] == 48


def test_channels_of_planes_do_not_alias_in_the_cache() -> None:
    for size in range(1, 60):
        stride = make_layout("planes", (4, size, size), Pad(1, 1)).channel_stride
        assert (stride // 16) % 2 == 1


def test_seven_by_seven_planes_take_four_vectors() -> None:
    # pitch 8: 16 floats hold two rows, 7 rows take 3 full and one half vector
    layout = make_layout("planes", (1, 7, 7), Pad(1, 1))
    table = make_vectors(layout, layout, Walk(7, 7))
    assert table.count == 4
    assert [bin(m).count("1") for m in table.vec_mask[:, 0]] == [14, 14, 14, 7]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.sampled_from(KINDS),
    st.integers(1, 20),
    st.integers(1, 40),
    st.integers(0, 3),
)
def test_vectors_store_every_pixel_once(
    source: str, target: str, height: int, width: int, pad: int
) -> None:
    src = make_layout(source, (1, height, width), Pad(pad, pad))
    dst = make_layout(target, (1, height, width), Pad(1, 1))
    table = make_vectors(src, dst, Walk(height, width))
    lane = np.arange(16)
    moved = {}
    for read, outs, masks in zip(
        table.vec_in, table.vec_out, table.vec_mask, strict=True
    ):
        for out, mask in zip(outs, masks, strict=True):
            for bit in lane[(mask >> lane) & 1 == 1]:
                assert out + bit not in moved
                moved[int(out + bit)] = int(read + bit)
    pairs = zip(dst.pixels().ravel(), src.pixels().ravel(), strict=True)
    assert moved == {int(d): int(s) for d, s in pairs}


def window(**changes: object) -> Window:
    fields: dict[str, object] = {
        "kernel": (3, 3),
        "stride": (1, 1),
        "dilation": (1, 1),
        "top": 1,
        "left": 1,
        "size": (8, 8),
        "out": (8, 8),
    }
    return Window(**{**fields, **changes})  # type: ignore[arg-type]


def test_taps_of_a_three_by_three_window() -> None:
    layout = make_layout("planes", (1, 8, 8), Pad(1, 1))
    taps = tap_offsets(window(), layout, 1)[0]
    assert layout.pitch == 9
    assert taps.tolist() == [[-10, -9, -8], [-1, 0, 1], [8, 9, 10]]


def test_stride_two_reads_each_tap_from_its_phase() -> None:
    # taps at -1, 0, 1 are phases 1, 0, 1 at shifts -1, 0, 0
    layout = split_layout("planes", (1, 8, 8), 2, Pad(1, 1))
    strided = window(stride=(2, 2), out=(4, 4))
    taps = tap_offsets(strided, layout, 1)[0]
    cs, rs = layout.channel_stride, layout.row_stride
    assert taps[1].tolist() == [cs - 1, 0, cs]
    assert taps[0, 0] == 3 * cs - rs - 1
    assert strided.pad(2) == Pad(1, 1)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Pad(1, 1)),
        ({"kernel": (1, 7), "top": 0, "left": 3}, Pad(0, 3)),
        ({"top": 0, "left": 0, "out": (6, 6)}, Pad(0, 0)),
        ({"dilation": (4, 4), "top": 4, "left": 4}, Pad(4, 4)),
        ({"kernel": (2, 2), "top": 0, "left": 0}, Pad(1, 1)),
    ],
)
def test_pad_is_what_reads_outside_meet(
    changes: dict[str, object], expected: Pad
) -> None:
    assert window(**changes).pad() == expected


def test_compressed_rows_of_two_groups() -> None:
    # Two filters of two taps each: [[1, 0], [0, 2]]; the second reads channels 2 and 3.
    nonzeros = (np.array([0, 3]), np.array([1.0, 2.0], np.float32))
    rows = compress_rows(nonzeros, 2, np.arange(4).reshape(4, 1, 1) * 100, 2)
    assert rows.indptr.tolist() == [0, 1, 2]
    assert rows.offsets.tolist() == [0, 300]
    assert rows.values.tolist() == [1.0, 2.0]


def test_compressed_rows_of_filters_that_share_a_group() -> None:
    # Four filters in two groups of two channels, a 1 x 2 window; one filter is empty.
    weight = np.zeros((4, 2, 1, 2), np.float32)
    weight[0, 1, 0, 1], weight[1, 0, 0, 0], weight[3] = 1.0, 2.0, 3.0
    where = np.flatnonzero(weight)
    offsets = np.arange(8).reshape(4, 1, 2) * 10
    rows = compress_rows((where, weight.reshape(-1)[where]), 4, offsets, 2)
    assert rows.indptr.tolist() == [0, 1, 2, 2, 6]
    assert rows.offsets.tolist() == [30, 0, 40, 50, 60, 70]
    assert rows.values.tolist() == [1.0, 2.0, 3.0, 3.0, 3.0, 3.0]


@pytest.mark.parametrize("name", list(NETS))
def test_buffers_alive_together_do_not_overlap(name: str) -> None:
    module, x = make(name)
    graph = simplify(capture(module, x))
    slots = find_slots(graph)
    plan = select(graph, slots, ModelCosts(graph, 1), 1)
    tasks = make_schedule(graph, slots, plan)
    arena = plan_arena(tasks)
    needs = [(arena.bases[n], *entry) for n, entry in live_ranges(tasks).items()]
    for i, (base, layout, first, last) in enumerate(needs):
        assert base % 16 == 0
        assert base + layout.size <= arena.floats
        for other, their_layout, start, stop in needs[:i]:
            apart = base + layout.size <= other or other + their_layout.size <= base
            later = last < start or stop < first
            assert apart or (later and shareable(layout, their_layout, base == other))


def shareable(one: Layout, other: Layout, same_base: bool) -> bool:
    """Zero borders survive only under exactly the same layout."""
    return (one == other and same_base) or not (one.padded or other.padded)


def test_parts_of_a_concat_are_written_in_place() -> None:
    module, x = make("branches")
    graph = simplify(capture(module, x))
    slots = find_slots(graph)
    first = next(node for node in graph if node.op == "concat")
    offsets = [slots.parts[name] for name in first.inputs]
    assert {part.slot for part in offsets} == {slots.parts[first.id].slot}
    assert [part.first for part in offsets] == [0, 5, 12, 15]
