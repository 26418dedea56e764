"""Depthwise convolutions that add the padding themselves: nothing beside is zero."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.cases import EVERY, TOLERANCE, placed
from tests.kernels.float64 import activate, convolve
from workbench.engine.layout.layout import make_layout, split_layout
from workbench.engine.layout.vectors import Walk, make_vectors
from workbench.kernels import (
    GUARD_FLOATS,
    LANES,
    Activation,
    Executor,
    Frame,
    KernelError,
    depthwise,
    forced_isa,
)
from workbench.kernels.steps.parts import divisible, part


def cases():
    """Return image, filter, stride, padding, layouts, activation, residual."""
    return st.fixed_dictionaries(
        {
            "seed": st.integers(0, 99),
            "channels": st.integers(1, 5),
            "size": st.tuples(st.integers(1, 19), st.integers(1, 70)),
            "kernel": st.sampled_from([3, 5]),
            "stride": st.sampled_from([1, 2]),
            "pads": st.tuples(*[st.integers(0, 2)] * 4),
            "kinds": st.tuples(
                st.sampled_from(["planes", "rows"]),
                st.sampled_from(["planes", "rows", "strips", "split"]),
            ),
            "act": st.sampled_from(["none", "relu", "silu"]),
            "residual": st.booleans(),
        }
    )


class Case:
    """A layer in an arena that is not a number wherever nothing was written."""

    def __init__(self, drawn) -> None:
        rng = np.random.default_rng(drawn["seed"])
        c, (h, w), k, s = (drawn[n] for n in ("channels", "size", "kernel", "stride"))
        top, bottom, left, right = (min(p, k // 2) for p in drawn["pads"])
        h, w = max(h, k - top - bottom), max(w, k - left - right)
        self.out = (h + top + bottom - k) // s + 1, (w + left + right - k) // s + 1
        self.image = rng.standard_normal((c, h, w), dtype=np.float32)
        self.weights = rng.standard_normal((c, k * k), dtype=np.float32)
        self.bias = rng.standard_normal(c, dtype=np.float32)
        self.added = rng.standard_normal((c, *self.out), dtype=np.float32)
        self.act, self.residual = Activation(drawn["act"]), drawn["residual"]
        self.stride, self.kernel = s, k
        self.pads = (left, right, top, bottom)
        self.source = make_layout(drawn["kinds"][0], (c, h, w))
        target = drawn["kinds"][1]
        shape = (c, *self.out)
        self.split = target == "split"
        if self.split:
            self.target = split_layout("planes", shape, 2)
        else:
            self.target = make_layout(target, shape)
        self.src = GUARD_FLOATS
        self.dst = self._after(self.src, self.source)
        self.more = self._after(self.dst, self.target)
        self.floats = self._after(self.more, self.target)
        walk = Walk(*self.out, (s, s), pace=s, whole_rows=True)
        self.table = make_vectors(self.source, self.target, walk)
        self.frame = Frame(
            h, w, top, left, k, s, -(-self.out[1] // LANES), self.source.row_stride
        )

    @staticmethod
    def _after(start: int, layout) -> int:
        return start + -(-layout.size // LANES) * LANES + 2 * GUARD_FLOATS

    def arguments(self, **changes):
        pitch, (left, _, top, _) = self.source.row_stride, self.pads
        tap = np.arange(self.kernel)
        offsets = ((tap - top) * pitch)[:, None] + tap - left
        given = {
            "weights": self.weights,
            "offsets": offsets.reshape(-1).astype(np.int32),
            "in_cs": self.source.channel_stride,
            "bias": self.bias,
            "vectors": self.table,
            "src": self.src,
            "dst": self.dst,
            "out_cs": self.target.channel_stride,
            "act": self.act,
            "residual": self.more if self.residual else None,
            "frame": self.frame,
            "arena_floats": self.floats,
        }
        return placed(given | changes)

    def places(self, base: int):
        if not self.split:
            return self.target.geometry(base).addresses()
        phases = self.target.geometry(base).addresses()
        c, (h, w) = len(self.image), self.out
        y, x = np.arange(h)[:, None], np.arange(w)
        phase = 2 * (y % 2) + x % 2
        return phases[phase * c + np.arange(c)[:, None, None], y // 2, x // 2]

    def run(self, steps):
        with Executor(steps, arena_floats=self.floats) as executor:
            executor.arena[:] = np.nan
            executor.arena[self.source.geometry(self.src).addresses()] = self.image
            executor.arena[self.places(self.more)] = self.added
            for i in range(len(steps)):
                executor.run_step(i)
            written = ~np.isnan(executor.arena)
            written[self.source.geometry(self.src).addresses()] = False
            written[self.places(self.more)] = False
            assert written.sum() == self.added.size
            return executor.arena[self.places(self.dst)].copy()

    def expected(self):
        left, right, top, bottom = self.pads
        image = np.pad(self.image, ((0, 0), (top, bottom), (left, right)))
        c, k = len(image), self.kernel
        weights, stride = self.weights.reshape(c, 1, k, k), (self.stride, self.stride)
        sums = convolve(image, weights, self.bias, stride, groups=c)
        if self.residual:
            sums += self.added
        return activate(sums, self.act)


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=150, deadline=None)
@given(drawn=cases())
def test_equals_float64_among_what_is_not_a_number(isa: str, drawn) -> None:
    case = Case(drawn)
    with forced_isa(isa):
        step = depthwise(**case.arguments())
        np.testing.assert_allclose(case.run([step]), case.expected(), **TOLERANCE)


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=60, deadline=None)
@given(drawn=cases(), cut=st.floats(0, 1))
def test_parts_know_which_rows_they_make(isa: str, drawn, cut: float) -> None:
    case = Case(drawn)
    with forced_isa(isa):
        whole = depthwise(**case.arguments())
        if not divisible(whole) or case.out[0] == 1:
            return
        columns = case.frame.columns
        middle = columns * (1 + int(cut * (case.out[0] - 2)))
        halves = [
            part(whole, units, arena_floats=case.floats)
            for units in ((0, middle), (middle, case.table.count))
        ]
        np.testing.assert_allclose(case.run(halves), case.expected(), **TOLERANCE)


PLAIN = {
    "seed": 1,
    "channels": 2,
    "size": (7, 40),
    "kernel": 3,
    "stride": 1,
    "pads": (1, 1, 1, 1),
    "kinds": ("rows", "rows"),
    "act": "none",
    "residual": False,
}


def test_a_part_of_a_row_is_refused() -> None:
    case = Case(PLAIN)
    step = depthwise(**case.arguments())
    if divisible(step):
        with pytest.raises(KernelError, match="whole rows of vectors"):
            part(step, (0, 4), arena_floats=case.floats)


def test_a_frame_that_is_not_that_of_the_taps_is_refused() -> None:
    case = Case(PLAIN)
    wrong = Frame(7, 40, 1, 0, 3, 1, 3, case.source.row_stride)
    with pytest.raises(KernelError, match="at most half outside"):
        depthwise(**case.arguments(frame=wrong))
    wide = Frame(7, 40, 1, 1, 3, 1, 2, case.source.row_stride)
    with pytest.raises(KernelError, match="whole output rows of 2 vectors"):
        depthwise(**case.arguments(frame=wide))


def test_reads_outside_of_the_arena_are_refused() -> None:
    case = Case(PLAIN)
    with pytest.raises(KernelError, match="the source"):
        depthwise(**case.arguments(src=0))
