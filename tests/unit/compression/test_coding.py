"""Gaps, Huffman and the three coders: worked cases, round trips, damage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.compression import huffman, streams
from workbench.compression.gaps import best_width, entropy_bits, to_gaps, to_positions
from workbench.errors import WorkbenchError

pytestmark = pytest.mark.smoke


def test_gaps_of_the_papers_figure():
    # Figure 2 counts 1, 3, 8 (filler), 3 from index to index with 3 bits; stored are
    # the places in between, one less, which starts with place 1 after one empty place.
    gaps, real = to_gaps(np.array([1, 4, 15]), 3)
    assert gaps.tolist() == [1, 2, 7, 2]
    assert real.tolist() == [True, True, False, True]
    assert to_positions(gaps, 16).tolist() == [1, 4, 12, 15]


def test_gap_exactly_at_the_limit_needs_no_filler():
    # Two bits skip 0..3 places: 3 empty places fit, 4 need one filler.
    assert to_gaps(np.array([3]), 2)[0].tolist() == [3]
    assert to_gaps(np.array([4]), 2)[0].tolist() == [3, 0]


def test_gaps_that_leave_the_layer_are_damage():
    with pytest.raises(WorkbenchError, match="place 5 of a layer of 5"):
        to_positions(np.array([2, 2], np.uint8), 5)


@given(st.sets(st.integers(0, 3000), max_size=60), st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_positions_survive(places, bits):
    positions = np.array(sorted(places), dtype=np.int64)
    gaps, real = to_gaps(positions, bits)
    back = to_positions(gaps, 3001)
    assert gaps.max(initial=0) < 1 << bits
    assert back[real].tolist() == positions.tolist()


def test_best_width_balances_fillers_and_bits():
    # Every 20th place: 4 bits need a filler for each weight (2 x (4 + 5) bits), 5 do
    # not (5 + 5); dense places need the narrowest.
    sparse, dense = np.arange(0, 20_000, 20), np.arange(1000)
    assert best_width(sparse, 5.0, entropy=False) == 5
    assert best_width(dense, 5.0, entropy=False) == 2


def test_entropy_by_hand():
    # Half, a quarter, a quarter: 1 x 2 + 2 x 1 + 2 x 1 bits.
    assert entropy_bits(np.array([2, 1, 1, 0])) == 6.0


def test_huffman_lengths_by_hand():
    # 45 13 12 16 9 5 (Cormen et al., chapter on Huffman codes): 1 3 3 3 4 4 bits.
    lengths = huffman.code_lengths(np.array([45, 13, 12, 16, 9, 5]))
    assert lengths.tolist() == [1, 3, 3, 3, 4, 4]
    codes = huffman.canonical_codes(lengths)
    assert [f"{c:0{n}b}" for c, n in zip(codes, lengths, strict=True)] == [
        "0",
        "100",
        "101",
        "110",
        "1110",
        "1111",
    ]


def test_canonical_codes_of_the_rfc():
    # RFC 1951, section 3.2.2: lengths 3 3 3 3 3 2 4 4 of A..H.
    codes = huffman.canonical_codes(np.array([3, 3, 3, 3, 3, 2, 4, 4]))
    assert codes.tolist() == [0b010, 0b011, 0b100, 0b101, 0b110, 0b00, 0b1110, 0b1111]


def test_long_codes_are_evened_out():
    # Fibonacci counts make a chain: 30 symbols would take 29 bits.
    counts = [1, 1]
    while len(counts) < 30:
        counts.append(counts[-1] + counts[-2])
    lengths = huffman.code_lengths(np.array(counts))
    assert lengths.max() <= huffman.LONGEST
    assert float((0.5**lengths).sum()) == 1.0


def test_huffman_is_within_a_bit_of_entropy():
    symbols = np.minimum(np.random.default_rng(0).geometric(0.3, 5000), 31)
    counts = np.bincount(symbols, minlength=32)
    lengths = huffman.code_lengths(counts)
    spent = int((counts * lengths).sum())
    assert entropy_bits(counts) <= spent < entropy_bits(counts) + 5000
    assert len(huffman.encode(symbols.astype(np.uint8), lengths)) == (spent + 7) // 8


@pytest.mark.parametrize("block", [1, 3, 64])
def test_blocks_do_not_change_the_bits(monkeypatch, block):
    symbols = np.minimum(np.random.default_rng(1).geometric(0.2, 500), 40)
    symbols = symbols.astype(np.uint8)
    lengths = huffman.code_lengths(np.bincount(symbols, minlength=41))
    whole = huffman.encode(symbols, lengths)
    monkeypatch.setattr(huffman, "BLOCK", block)
    assert huffman.encode(symbols, lengths) == whole
    assert np.array_equal(huffman.decode(whole, lengths, 500), symbols)


@pytest.mark.parametrize("coder", streams.CODERS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_streams_survive(coder, data):
    alphabet = data.draw(st.sampled_from([1, 2, 3, 16, 31, 255, 256]))
    values = data.draw(st.lists(st.integers(0, alphabet - 1), max_size=200))
    symbols = np.array(values, dtype=np.uint8)
    stored = streams.encode(symbols, alphabet, coder)
    assert np.array_equal(
        streams.decode(stored, alphabet, len(symbols), coder), symbols
    )


def test_ans_beats_huffman_where_one_symbol_rules():
    # 98 % of one symbol carries 0.14 bits; Huffman cannot spend less than one.
    symbols = (np.random.default_rng(0).random(20_000) < 0.02).astype(np.uint8)
    sizes = {c: len(streams.encode(symbols, 2, c)) for c in streams.CODERS}
    assert sizes["fixed"] == 2500
    assert sizes["ans"] < 380 < sizes["huffman"]


@pytest.mark.parametrize("coder", streams.CODERS)
def test_cut_streams_are_refused(coder):
    symbols = np.random.default_rng(2).integers(0, 17, 300).astype(np.uint8)
    stored = streams.encode(symbols, 17, coder)
    with pytest.raises(WorkbenchError, match="damaged"):
        streams.decode(stored[:-5], 17, 300, coder)
    with pytest.raises(WorkbenchError, match="damaged"):
        streams.decode(b"", 17, 300, coder)


def test_unknown_coder_is_named():
    with pytest.raises(WorkbenchError, match="coder 'brotli'"):
        streams.decode(b"x", 2, 3, "brotli")
