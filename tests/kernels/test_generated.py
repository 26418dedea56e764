"""Generated convolutions against the NumPy specification and float64."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.cases import placed
from tests.kernels.drawing import EVERY_ACTIVATION
from tests.kernels.float64 import activate
from workbench import kernels
from workbench.kernels import Activation, Executor, KernelError, Placement, Vectors
from workbench.kernels.backend import NUMBERS
from workbench.kernels.steps import generated
from workbench.kernels.steps.sparse import sparse_spec
from workbench.kernels.variants.code_shapes import (
    CodeShape,
    may_shift_in_row,
    worthwhile,
)

ISAS = [isa for isa in kernels.info().available if isa in generated.CODED]
pytestmark = pytest.mark.skipif(
    not ISAS or not generated.available().available,
    reason="this machine runs no generated code",
)

ARENA = 1 << 16
SRC, DST, OTHER = 8192, 24576, 45056
TOLERANCE = 2e-5
"""Of the sum of magnitudes: float32 sums of at most a few hundred products."""


def coded(isa: str) -> list[Activation]:
    """Return the activations that generated code has."""
    has = import_module("workbench.kernels._native").emit_has_curve
    return [act for act in EVERY_ACTIVATION if has(act, NUMBERS[isa])]


def test_the_usual_activations_have_code() -> None:
    assert {act.kind for act in coded("avx512")} == {
        *("none", "relu", "clip", "leaky_relu"),
        *("hardswish", "hardsigmoid", "silu", "sigmoid"),
    }
    assert coded("avx2") == list(EVERY_ACTIVATION)


@dataclass
class Case:
    """Arguments of a convolution and the arena it runs on."""

    arguments: dict[str, Any]
    arena: np.ndarray

    def run(self, isa: str, variant: str | None, threads: int = 1) -> np.ndarray:
        """Return the arena after one run."""
        with kernels.forced_isa(isa):
            step = generated.conv_generated(**placed(self.arguments), variant=variant)
            with Executor([step], arena_floats=ARENA, threads=threads) as executor:
                executor.arena[:] = self.arena
                executor.run_step(0)
                return executor.arena.copy()

    def expected(self) -> np.ndarray:
        """Return the arena as plain loops in float64 leave it."""
        a = self.arguments
        lane, table, act = np.arange(16), a["vectors"], a["act"]
        source = self.arena.astype(np.float64)
        result = source.copy()
        for o, bias in enumerate(a["bias"].astype(np.float64)):
            row = slice(a["indptr"][o], a["indptr"][o + 1])
            where = a["src"] + table.vec_in[:, None, None] + lane[:, None]
            taken = source[where + a["offsets"][row]]
            sums = bias + taken @ a["values"][row].astype(np.float64)
            if table.unzip:
                sums = np.concatenate((sums[:, 0::2], sums[:, 1::2]), axis=1)
            for s in range(table.vec_out.shape[1]):
                kept = (table.vec_mask[:, s, None] >> lane & 1).astype(bool)
                place = (table.vec_out[:, s, None] + o * a["out_cs"] + lane)[kept]
                value = sums[kept]
                if a["residual"] is not None:
                    value = value + source[a["residual"] + place]
                result[a["dst"] + place] = activate(value, act)
        return result

    def check(self, isa: str, variant: str | None, threads: int = 1) -> None:
        """Run and compare; untouched floats must be bit-identical."""
        got, wanted = self.run(isa, variant, threads), self.expected()
        scale = 1 + np.abs(self.arguments["values"]).sum() / 8 + np.abs(wanted)
        assert np.all(np.abs(got - wanted) <= TOLERANCE * scale)
        same = wanted == self.arena.astype(np.float64)
        assert np.array_equal(got[same], self.arena[same])


def compressed(mask: np.ndarray, columns: np.ndarray, rng: Any) -> dict[str, Any]:
    indptr = np.concatenate(([0], np.cumsum(mask.sum(1)))).astype(np.int32)
    offsets = np.concatenate([columns[row] for row in mask] or [columns[:0]])
    values = rng.standard_normal(offsets.size).astype(np.float32)
    return {"indptr": indptr, "offsets": offsets.astype(np.int32), "values": values}


def mask_of(rng: Any, structure: str, rows: int, columns: int) -> np.ndarray:
    """Draw a mask of one of the structures that pruning makes."""
    density = float(rng.choice([0.0, 0.05, 0.3, 1.0]))
    mask = rng.random((rows, columns)) < density
    if structure == "blocks":
        mask = np.repeat(mask[: -(-rows // 4)], 4, axis=0)[:rows]
    if structure == "stripes":
        mask = np.broadcast_to(mask[:1], (rows, columns)).copy()
    if structure == "two of four":
        order = rng.random((rows, -(-columns // 4), 4)).argsort(-1) < 2
        mask = order.reshape(rows, -1)[:, :columns]
    if structure == "groups":
        half = columns // 2
        mask[: rows // 2, half:] = False
        mask[rows // 2 :, :half] = False
    return mask


def columns_of(rng: Any, style: str, count: int) -> np.ndarray:
    """Draw input offsets: whole vectors, neighbouring taps, or anything."""
    if style == "whole":
        return np.sort(rng.choice(400, count, replace=False)) * 16 - 3200
    if style == "taps":
        base = np.sort(rng.choice(90, -(-count // 9), replace=False)) * 48 - 1600
        tap = np.add.outer([-64, 0, 64], [-1, 0, 1]).reshape(-1)
        return np.sort(np.add.outer(base, tap).reshape(-1))[:count]
    return np.sort(rng.choice(6000, count, replace=False)) - 3000


def vectors_of(
    rng: Any, count: int, segments: int, *, equal: bool, unzip: bool
) -> Vectors:
    """Draw vectors whose stored lanes never overlap, some masked or empty."""
    vec_in = rng.integers(0, 60, count) * 16 + int(rng.integers(0, 16))
    if not equal:
        vec_in = vec_in + rng.integers(0, 16, count)
    owner = rng.integers(-1, segments, (count, 16))
    owner[rng.random(count) < 0.4] = 0
    owner[rng.random(count) < 0.3, int(rng.integers(1, 16)) :] = -1
    vec_out = np.arange(count)[:, None] * 96 + np.arange(segments) * 32
    vec_out = vec_out + rng.integers(0, 9, (count, segments))
    bits = 1 << np.arange(16)
    kept = owner[:, None, :] == np.arange(segments)[:, None]
    masks = (kept * bits).sum(-1).astype(np.uint16)
    tables = vec_in.astype(np.int64), vec_out.astype(np.int64), masks
    return Vectors(*tables, unzip=unzip)


@st.composite
def cases(draw: Any) -> tuple[Case, str, str, int]:
    """Draw arguments, an instruction set, a tuning that fits, and threads."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, columns = draw(st.integers(1, 48)), draw(st.integers(1, 100))
    style = draw(st.sampled_from(["whole", "taps", "anything"]))
    structure = draw(
        st.sampled_from(["unstructured", "blocks", "stripes", "two of four", "groups"])
    )
    count, segments = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    isa, shift = draw(st.sampled_from(ISAS)), draw(st.booleans())
    unzip = segments > 1 and draw(st.booleans())
    act = draw(st.sampled_from([act for act in coded(isa) if act.kind != "exp"]))
    residual = draw(st.sampled_from([None, DST, OTHER]))
    wide = isa == "avx512"
    most = 6 if not wide else 28 if shift or act.curved else 31
    offsets = columns_of(rng, style, columns)
    arguments = compressed(mask_of(rng, structure, rows, columns), offsets, rng)
    arguments |= {
        "bias": rng.standard_normal(rows).astype(np.float32),
        "vectors": vectors_of(rng, count, segments, equal=shift, unzip=unzip),
        "src": SRC,
        "dst": DST,
        "out_cs": count * 96 + draw(st.integers(0, 40)),
        "act": act,
        "residual": residual,
        "arena_floats": ARENA,
    }
    tuning = CodeShape(
        draw(st.integers(1, most)),
        parts=draw(st.integers(1, 8)) if wide and residual != DST and not unzip else 1,
        band=draw(st.integers(0, 9)),
        shift=wide and shift,
        rows=draw(st.booleans()),
        narrow=not unzip and draw(st.booleans()),
    )
    arena = rng.standard_normal(ARENA).astype(np.float32)
    return Case(arguments, arena), isa, tuning.name, draw(st.integers(1, 3))


@settings(max_examples=150, deadline=None)
@given(cases())
def test_any_mask_and_tuning_matches_float64(
    drawn: tuple[Case, str, str, int],
) -> None:
    case, isa, variant, threads = drawn
    case.check(isa, variant, threads)


def layer(**changes: Any) -> Case:
    """Return a small padded 3x3 layer on rows of one vector: 14 x 14, 8 channels."""
    rng = np.random.default_rng(7)
    channels, size, pitch = 8, 14, 16
    row = channels * pitch
    taps = np.add.outer([-row, 0, row], [-1, 0, 1]).reshape(-1)
    columns = np.add.outer(np.arange(channels) * pitch, taps).reshape(-1)
    arguments = compressed(rng.random((40, columns.size)) < 0.2, columns, rng)
    arena = np.zeros(ARENA, np.float32)
    image = arena[SRC - row : SRC + (size + 1) * row].reshape(-1, channels, pitch)
    image[1:-1, :, :size] = rng.standard_normal((size, channels, size))
    lines = np.arange(size, dtype=np.int64)
    arguments |= {
        "bias": rng.standard_normal(40).astype(np.float32),
        "vectors": Vectors(
            lines * row,
            (lines * 40 * pitch)[:, None].copy(),
            np.full((size, 1), 0x3FFF, np.uint16),
            1,
        ),
        "src": SRC,
        "dst": DST,
        "out_cs": pitch,
        "act": Activation("relu"),
        "residual": None,
        "arena_floats": ARENA,
    }
    return Case(arguments | changes, arena)


def spec_of(case: Case) -> Any:
    return sparse_spec(**placed(case.arguments))


@pytest.mark.parametrize("isa", ISAS)
def test_every_offered_variant_gives_the_same_bits(isa: str) -> None:
    case = layer()
    names = worthwhile(spec_of(case), isa)
    assert len(names) >= 2
    first = case.run(isa, names[0])
    case.check(isa, None)
    for name in names[1:]:
        assert np.array_equal(case.run(isa, name), first), name


@pytest.mark.skipif("avx512" not in ISAS, reason="this CPU cannot run AVX-512 code")
def test_lanes_shifted_within_a_row_see_zeros_beside_it() -> None:
    case = layer()
    spec = spec_of(case)
    assert may_shift_in_row(spec.offsets, spec.place)
    plain = case.run("avx512", "g31")
    assert np.array_equal(case.run("avx512", "g29-s"), plain)


def test_vectors_that_look_beyond_their_row_are_not_shifted_within_it() -> None:
    table = layer().arguments["vectors"]
    full = Vectors(table.vec_in, table.vec_out, table.vec_mask | 0xFFFF, 1)
    spec = spec_of(layer(vectors=full))
    assert not may_shift_in_row(spec.offsets, spec.place)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.0, 1e30])
def test_special_values_pass_through(isa: str, value: float) -> None:
    case = layer(act=Activation("none"))
    case.arena[SRC + 3] = value
    with kernels.forced_isa("numpy"):
        step = generated.conv_generated(**placed(case.arguments))
        with Executor([step], arena_floats=ARENA) as executor:
            executor.arena[:] = case.arena
            executor.run_step(0)
            wanted = executor.arena.copy()
    got = case.run(isa, None)
    assert np.array_equal(np.isnan(got), np.isnan(wanted))
    assert np.array_equal(np.isinf(got), np.isinf(wanted))
    finite = np.isfinite(wanted)
    np.testing.assert_allclose(got[finite], wanted[finite], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("act", EVERY_ACTIVATION[1:], ids=lambda act: act.kind)
def test_nan_survives_every_activation(isa: str, act: Activation) -> None:
    if act not in coded(isa):
        pytest.skip(f"generated code for {isa} has no {act.kind}")
    case = layer(act=act)
    case.arguments["bias"][:] = np.nan
    got = case.run(isa, None)
    stored = case.arguments["vectors"].pixels * 40
    assert np.isnan(got).sum() == stored


def heavy(inputs: int, *, residual: int | None = None) -> Any:
    """Return the spec of 31 dense rows over so many strips of 16 pixels."""
    count = 31 * inputs
    table = Vectors(
        np.zeros(1, np.int64),
        np.zeros((1, 1), np.int64),
        np.full((1, 1), 0xFFFF, np.uint16),
    )
    return sparse_spec(
        indptr=np.arange(32, dtype=np.int32) * inputs,
        offsets=np.tile(np.arange(inputs, dtype=np.int32) * 16, 31),
        values=np.ones(count, np.float32),
        bias=np.zeros(31, np.float32),
        place=Placement(
            vectors=table,
            src=0,
            dst=16 * inputs,
            out_cs=16,
            act=Activation(),
            residual=residual,
            arena_floats=16 * inputs + 1024,
        ),
    )


def test_code_that_outgrows_the_l1_cache_is_tried_in_parts() -> None:
    assert not any("-p" in name for name in worthwhile(heavy(32), "avx512"))
    assert "g31-p4" in worthwhile(heavy(210), "avx512")
    in_place = heavy(210, residual=16 * 210)
    assert not any("-p" in name for name in worthwhile(in_place, "avx512"))


def test_tuning_names_read_back() -> None:
    for tuning in (
        CodeShape(6),
        CodeShape(29, 2, 0, True),
        CodeShape(31, 1, 8, False, True),
    ):
        assert CodeShape.parse(tuning.name) == tuning
    for name in ("", "29", "g", "g29-q", "g29-p", "g29-s2", "gx", "g2-g3", "p2"):
        with pytest.raises(KernelError, match="conv_generated"):
            CodeShape.parse(name)


@pytest.mark.parametrize(
    ("variant", "message"),
    [("g32", "rows"), ("g0", "rows"), ("g30-s", "rows"), ("wrong", "wrong")],
)
def test_variants_that_do_not_fit_are_refused(variant: str, message: str) -> None:
    with pytest.raises(KernelError, match=message):
        layer().run(ISAS[-1], variant)


@pytest.mark.skipif("avx512" not in ISAS, reason="this CPU cannot run AVX-512 code")
def test_parts_are_refused_when_the_residual_is_the_destination() -> None:
    with pytest.raises(KernelError, match="residual"):
        layer(residual=DST).run("avx512", "g31-p2")


@pytest.mark.parametrize("variant", ["g6-p2", "g6-n"])
def test_unzipped_vectors_take_one_part_and_whole_registers(variant: str) -> None:
    case = layer()
    table = case.arguments["vectors"]
    outs, masks = np.repeat(table.vec_out, 2, 1), np.repeat(table.vec_mask, 2, 1)
    case.arguments["vectors"] = Vectors(table.vec_in, outs, masks, unzip=True)
    with pytest.raises(KernelError, match=r"unzipped|one part"):
        case.run(ISAS[-1], variant)


def test_reads_outside_of_the_arena_are_refused() -> None:
    case = layer(src=10)
    with pytest.raises(KernelError, match="source"):
        case.run(ISAS[-1], None)


@pytest.mark.skipif("avx512" not in ISAS, reason="this CPU cannot run AVX-512 code")
def test_whole_vectors_outside_of_the_arena_are_refused() -> None:
    case = layer()
    low = SRC + int(case.arguments["offsets"].min())
    with pytest.raises(KernelError, match="whole vectors"):
        layer(src=SRC - low).run("avx512", "g29-s")


def test_too_much_code_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = generated.CodePlan
    monkeypatch.setattr(generated, "CodePlan", lambda *a: plan(*a, code_limit=4096))
    with pytest.raises(KernelError, match="bytes of code"):
        layer().run(ISAS[-1], None)


def test_scalar_has_no_generated_code() -> None:
    with kernels.forced_isa("scalar"):
        assert not generated.available().available
        with pytest.raises(KernelError, match="avx2 or avx512"):
            generated.conv_generated(**placed(layer().arguments))


def test_availability_names_the_instruction_set() -> None:
    for isa in ISAS:
        with kernels.forced_isa(isa):
            assert generated.available().reason == f"code is generated for {isa}"
