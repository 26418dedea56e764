"""Trials: what runs before each contender, and that all of it runs in one go."""

import numpy as np
import pytest

from workbench.engine.candidates import Form
from workbench.engine.candidates.depthwise import DepthwiseConv
from workbench.engine.graph.graph import Node
from workbench.engine.layout.layout import Pad, make_layout
from workbench.engine.tuning.race_kernels import Bench, place_operands, race, shares
from workbench.kernels import Executor, Geometry

C, H, W = 3, 14, 14
NODE = Node(
    "dw",
    "conv2d",
    ("input",),
    (C, H, W),
    {"kernel": (3, 3), "padding": (1, 1, 1, 1), "groups": C},
    {"weight": np.ones((C, 1, 3, 3), np.float32), "bias": np.zeros(C, np.float32)},
)


def addresses(geometry: Geometry) -> list[int]:
    """Return the arena offsets of a tensor in the order in which threads share them."""
    return [
        geometry.address(c, y, x)
        for c in range(geometry.channels)
        for y in range(geometry.height)
        for x in range(geometry.width)
    ]


@pytest.mark.parametrize("kind", ["planes", "rows", "strips"])
def test_the_first_half_of_an_input_is_its_upper_half(kind: str) -> None:
    layout = make_layout(kind, (C, H, W), Pad() if kind == "strips" else Pad(1, 1))
    binding = place_operands([layout], layout)
    start = binding.inputs[0].start
    pixels = layout.pixels()
    written = addresses(shares(binding.inputs[0]))
    assert len(set(written)) == len(written)
    wanted = {
        start + int(p) + c * layout.channel_stride
        for p in pixels.ravel()
        for c in range(C)
    }
    assert wanted <= set(written)
    half = set(written[: len(written) // 2])
    # Rows 0-5 are the first thread's in every layout, rows 8-13 the second one's; a
    # strip in the middle holds pixels of rows 6 and 7.
    upper = {start + int(p) for p in pixels[:6].ravel()}
    lower = {start + int(p) for p in pixels[8:].ravel()}
    assert upper <= half
    assert not lower & half


def test_low_planes_are_shared_by_channels() -> None:
    layout = make_layout("planes", (4, 7, 7), Pad(1, 1))
    operand = place_operands([layout], layout).inputs[0]
    assert shares(operand) == operand.geometry


@pytest.mark.parametrize(
    ("threads", "cold", "before"),
    [(1, False, 0), (1, True, 2), (2, False, 1), (2, True, 2)],
)
def test_contenders_run_behind_a_flush_and_a_writer(
    threads: int, cold: bool, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[range] = []
    whole = Executor.time_steps

    def spy(self: Executor, rounds: int, which: range | None = None) -> np.ndarray:
        assert which is not None
        ran.append(which)
        return whole(self, rounds, which)

    monkeypatch.setattr(Executor, "time_steps", spy)
    layouts = [make_layout(Form("rows").kind, (C, H, W), Pad(1, 1))] * 2
    binding = place_operands(layouts[:1], layouts[1])
    steps = {name: DepthwiseConv().build(NODE, binding, "") for name in ("a", "b")}
    times = race(steps, binding, Bench(threads, cold))
    assert set(times) == {"a", "b"}
    assert min(times.values()) > 0
    # a: its own step behind those before it; b: the same, further on.
    assert ran[:2] == [range(before + 1), range(before + 1, 2 * (before + 1))]
