"""The paper's table: what each stage of compression makes of the file's size.

Belongs here: bytes of real files, stage by stage. Does not belong here: accuracy of
the stages (the caller evaluates what it shows).

Source: Han, Mao, Dally 2016, "Deep Compression", tables 1 to 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.compression.compressed import CompressedNetwork
from workbench.compression.tensors import Coding
from workbench.compression.wbz import Written, to_wbz

DENSE, PRUNED, SHARED = "dense", "pruned", "shared weights"
HUFFMAN, ANS, SMALLEST = "Huffman coded", "ANS coded", "smallest of both"


@dataclass(frozen=True)
class Stage:
    """Size of a network after one stage of compression.

    Parameters
    ----------
    name : str
        What was done, on top of the stages before.
    bytes : int
        Of the whole file, header, tables and checksum included; for the dense
        network, of its tensors alone.
    ratio : float
        Bytes of the dense network over these bytes.
    weight_bits, gap_bits : float
        Bits a kept weight spends on its value and on its place (0 while dense),
        padding zeros included.
    bits_per_weight : float
        Bits of the file over all weights of the network, kept and removed.
    """

    name: str
    bytes: int
    ratio: float
    weight_bits: float
    gap_bits: float
    bits_per_weight: float


@dataclass(frozen=True)
class LayerSize:
    """Bytes of one layer's weight in the file.

    Parameters
    ----------
    id : str
    weights, kept : int
    bits : int
        Of a code at fixed width.
    table_bytes, code_bytes, gap_bytes : int
        Of the codebook, the coded weights and the coded places.
    """

    id: str
    weights: int
    kept: int
    bits: int
    table_bytes: int
    code_bytes: int
    gap_bytes: int

    @property
    def ratio(self) -> float:
        """Bytes of float32 weights over bytes in the file."""
        stored = self.table_bytes + self.code_bytes + self.gap_bytes
        return 4 * self.weights / stored


def stages(
    net: CompressedNetwork, *, facts: Mapping[str, str] | None = None
) -> tuple[Stage, ...]:
    """Return the stages dense, pruned, shared weights, Huffman coded, ANS coded, best.

    Parameters
    ----------
    net : CompressedNetwork
        Its source gives the first two stages.
    facts : mapping of str to str, optional
        What the file's header holds beside.
    """
    before, state = net.source.module.state_dict(), net.module.state_dict()
    dense = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    fixed = Coding("fixed")
    rows = (
        (PRUNED, to_wbz(before, {}, facts=facts, coding=fixed)),
        (SHARED, to_wbz(state, net.palettes, facts=facts, coding=fixed)),
        (HUFFMAN, to_wbz(state, net.palettes, facts=facts, coding=Coding("huffman"))),
        (ANS, to_wbz(state, net.palettes, facts=facts, coding=Coding("ans"))),
        (SMALLEST, to_wbz(state, net.palettes, facts=facts)),
    )
    weights = sum(layer.params for layer in net.layers)
    first = Stage(DENSE, dense, 1.0, 32.0, 0.0, 8 * dense / weights)
    return (first, *(_stage(name, file, dense, net) for name, file in rows))


def _stage(name: str, file: Written, dense: int, net: CompressedNetwork) -> Stage:
    size = len(file.data)
    weights = sum(layer.params for layer in net.layers)
    wanted = {f"{layer.id}.weight" for layer in net.layers}
    parts = [part for tensor, part in file.packed.items() if tensor in wanted]
    module = net.source.module
    kept = sum(int(module.get_parameter(one).count_nonzero()) for one in wanted)
    return Stage(
        name,
        size,
        dense / size,
        8 * sum(part.weights for part in parts) / max(1, kept),
        8 * sum(part.places for part in parts) / max(1, kept),
        8 * size / weights,
    )


def layer_sizes(
    net: CompressedNetwork, *, coding: Coding | None = None
) -> tuple[LayerSize, ...]:
    """Return what each layer with a palette takes in the file."""
    packed = to_wbz(net.module.state_dict(), net.palettes, coding=coding).packed
    rows = []
    for name, palette in net.palettes.items():
        part = packed[f"{name}.weight"]
        rows.append(
            LayerSize(
                name,
                palette.codes.size,
                palette.kept,
                palette.bits,
                part.tables,
                part.weights,
                part.places,
            )
        )
    return tuple(rows)
