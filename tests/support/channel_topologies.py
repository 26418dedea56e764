"""Small networks whose channels meet, move and mix between convolutions.

``TOPOLOGIES`` says beside each which layers ``filter`` must be able to prune
(``free``), and which it could if the code had no number of channels in it
(``later``).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tests.support.channel_networks import (
    Topology,
    between,
    c2f,
    chain,
    concat,
    conv,
    coordinate,
    csp,
    deconvolved,
    dense_net,
    efficient_attention,
    ghost,
    halves_and_whole,
    heads,
    maxout,
    normed,
    partial,
    pooled_attention,
    res2net,
    residual,
    shuffled,
    split_attention,
    squeeze,
    swapped,
    to_head,
    trunk,
)

TOPOLOGIES: dict[str, Topology] = {
    "plain": Topology(chain(), between(lambda x: x), ("a", "b")),
    "residual": Topology(trunk, residual, ("a", "b", "c")),
    "residual_normed": Topology(
        lambda: {
            "a": normed(3, 8),
            "b": normed(8, 8),
            "c": normed(8, 8),
            "fc": nn.Linear(8, 5),
        },
        residual,
        ("a.0", "b.0", "c.0"),
    ),
    "concat": Topology(lambda: {**trunk(), "c": conv(16, 8)}, concat, ("a", "b", "c")),
    "dense_net": Topology(
        lambda: {
            "a": conv(3, 8),
            "n1": nn.BatchNorm2d(8),
            "b": conv(8, 4),
            "n2": nn.BatchNorm2d(12),
            "c": conv(12, 4),
            "fc": nn.Linear(16, 5),
        },
        dense_net,
        ("a", "b", "c"),
    ),
    "grouped": Topology(chain(8, groups=2), between(lambda x: x), ("a", "b")),
    "depthwise": Topology(
        lambda: {
            "a": conv(3, 8),
            "dw": conv(8, 8, groups=8),
            "b": conv(8, 8, 1),
            "fc": nn.Linear(8, 5),
        },
        lambda m, x: m.fc(F.relu(m.b(F.relu(m.dw(F.relu(m.a(x)))))).mean((2, 3))),
        ("a", "dw", "b"),
    ),
    "flatten": Topology(
        lambda: {"a": conv(3, 4), "fc": nn.Linear(4 * 64, 5)},
        to_head(lambda m, x: m.fc(x.flatten(1))),
        ("a",),
    ),
    "flatten_nhwc": Topology(
        lambda: {"a": conv(3, 4), "fc": nn.Linear(4 * 64, 5)},
        to_head(lambda m, x: m.fc(x.permute(0, 2, 3, 1).flatten(1))),
        ("a",),
    ),
    "linear_chain": Topology(
        lambda: {"a": conv(3, 4), "f1": nn.Linear(256, 16), "fc": nn.Linear(16, 5)},
        to_head(lambda m, x: m.fc(F.relu(m.f1(x.flatten(1))))),
        ("a", "f1"),
    ),
    "squeeze_excite": Topology(
        lambda: {
            "a": conv(3, 8),
            "down": conv(8, 4, 1),
            "up": conv(4, 8, 1),
            "b": conv(8, 8),
            "fc": nn.Linear(8, 5),
        },
        squeeze,
        ("a", "down", "up", "b"),
    ),
    "upsampled": Topology(
        chain(),
        between(lambda x: F.interpolate(F.avg_pool2d(x, 2), scale_factor=2.0)),
        ("a", "b"),
    ),
    "two_multiplied": Topology(
        trunk,
        lambda m, x: m.fc((m.b(y := F.relu(m.a(x))) * m.c(y)).mean((2, 3))),
        ("a", "b", "c"),
    ),
    "shuffle_grouped": Topology(
        chain(16, groups=4), between(lambda x: F.channel_shuffle(x, 4)), ("a",)
    ),
    "shuffle_by_view": Topology(chain(16, groups=4), between(shuffled), ("a",)),
    "shuffle_dense": Topology(
        chain(16), between(lambda x: F.channel_shuffle(x, 4)), ("a",)
    ),
    "flip": Topology(chain(), between(lambda x: x.flip(1)), ("a",)),
    "roll": Topology(chain(), between(lambda x: x.roll(3, 1)), later=("a",)),
    "index_select": Topology(
        chain(),
        between(lambda x: x.index_select(1, torch.tensor([3, 1, 0, 2, 7, 6, 5, 4]))),
        later=("a",),
    ),
    "fancy_index": Topology(
        chain(), between(lambda x: x[:, [1, 0, 3, 2, 5, 4, 7, 6]]), later=("a",)
    ),
    "maxout": Topology(chain(16, 8), between(maxout), ("a",)),
    "pixel_unshuffle": Topology(
        chain(8, 32), between(lambda x: F.pixel_unshuffle(x, 2)), ("a",)
    ),
    "pixel_shuffle": Topology(
        chain(32, 8), between(lambda x: F.pixel_shuffle(x, 2)), ("a",)
    ),
    "chunk_swap": Topology(chain(), between(swapped), ("a",)),
    "nested_chunks": Topology(
        chain(16, 16),
        between(
            lambda x: torch.cat([p for q in x.chunk(2, 1) for p in q.chunk(2, 1)], 1)
        ),
        ("a",),
    ),
    "c2f": Topology(
        lambda: {
            "a": conv(3, 8, 1),
            "b": conv(4, 4),
            "c": conv(4, 4),
            "d": conv(12, 8, 1),
            "fc": nn.Linear(8, 5),
        },
        c2f,
        ("a", "b", "c", "d"),
    ),
    "csp": Topology(
        lambda: {
            "a": conv(3, 8, 1),
            "b": conv(4, 4),
            "c": conv(4, 4),
            "d": conv(8, 8, 1),
            "fc": nn.Linear(8, 5),
        },
        csp,
        ("b", "c", "d"),
        ("a",),
    ),
    "res2net": Topology(
        lambda: {
            "a": conv(3, 12, 1),
            "b": conv(4, 4),
            "c": conv(4, 4),
            "d": conv(12, 8, 1),
            "fc": nn.Linear(8, 5),
        },
        res2net,
        ("c", "d"),
        ("a", "b"),
    ),
    "cat_twice": Topology(
        chain(8, 16), between(lambda x: torch.cat([x, x], 1)), ("a", "b")
    ),
    "cat_own_square": Topology(
        chain(8, 16), between(lambda x: torch.cat([x, x * x], 1)), ("a", "b")
    ),
    "gate_broadcast": Topology(
        lambda: {
            "a": conv(3, 8),
            "gate": conv(8, 1, 1),
            "b": conv(8, 8),
            "fc": nn.Linear(8, 5),
        },
        lambda m, x: m.fc(
            F.relu(m.b((y := F.relu(m.a(x))) * torch.sigmoid(m.gate(y)))).mean((2, 3))
        ),
        ("a", "b"),
    ),
    "broadcast_left": Topology(
        lambda: {
            "a": conv(3, 8),
            "gate": conv(8, 1, 1),
            "b": conv(8, 8),
            "fc": nn.Linear(8, 5),
        },
        lambda m, x: m.fc(
            F.relu(m.b(torch.sigmoid(m.gate(y := F.relu(m.a(x)))) * y)).mean((2, 3))
        ),
        ("a", "b"),
    ),
    "halves_and_whole": Topology(
        lambda: {
            "a": conv(3, 8),
            "b": conv(8, 4),
            "c": conv(8, 4),
            "d": conv(8, 8),
            "fc": nn.Linear(8, 5),
        },
        halves_and_whole,
        ("a", "b", "c", "d"),
    ),
    "late_fusion": Topology(
        lambda: {
            "a": conv(3, 3),
            "s": conv(3, 1),
            "b": conv(4, 8),
            "fc": nn.Linear(8, 5),
        },
        lambda m, x: m.fc(F.relu(m.b(torch.cat([m.a(x), m.s(x)], 1))).mean((2, 3))),
        ("a", "b"),
    ),
    "image_concat": Topology(
        lambda: {"a": conv(3, 8), "b": conv(11, 8), "fc": nn.Linear(8, 5)},
        lambda m, x: m.fc(F.relu(m.b(torch.cat([x, F.relu(m.a(x))], 1))).mean((2, 3))),
        ("a", "b"),
    ),
    "image_residual": Topology(
        lambda: {"a": conv(3, 3), "b": conv(3, 8), "fc": nn.Linear(8, 5)},
        lambda m, x: m.fc(F.relu(m.b(m.a(x) + x)).mean((2, 3))),
        ("b",),
    ),
    "split_attention": Topology(
        lambda: {"a": conv(3, 16), "b": conv(8, 16, 1), "fc": nn.Linear(8, 5)},
        split_attention,
        ("a", "b"),
    ),
    "partial_residual": Topology(
        lambda: {"a": conv(3, 8), "b": conv(8, 12), "fc": nn.Linear(12, 5)},
        partial,
        later=("a", "b"),
    ),
    "heads": Topology(
        lambda: {
            "a": conv(3, 8),
            "b": conv(8, 8),
            "c": conv(8, 4, 1),
            "d": conv(8, 4, 1),
        },
        heads,
        ("a", "b"),
    ),
    "coordinate": Topology(
        lambda: {
            "a": conv(3, 8),
            "b": conv(8, 8, 1),
            "c": conv(8, 8, 1),
            "d": conv(8, 8, 1),
            "fc": nn.Linear(8, 5),
        },
        coordinate,
        ("a", "b", "c", "d"),
    ),
    "global_context": Topology(
        lambda: {"a": conv(3, 8), "b": conv(8, 1, 1), "fc": nn.Linear(8, 5)},
        pooled_attention,
        ("a",),
    ),
    "eca": Topology(
        lambda: {
            "a": conv(3, 8),
            "near": nn.Conv1d(1, 1, 3, padding=1, bias=False),
            "b": conv(8, 8),
            "fc": nn.Linear(8, 5),
        },
        efficient_attention,
        ("b",),
    ),
    "ghost": Topology(
        lambda: {
            "a": conv(3, 8),
            "cheap": conv(8, 8, groups=8),
            "b": conv(12, 8),
            "fc": nn.Linear(8, 5),
        },
        ghost,
        ("b",),
        ("a",),
    ),
    "transposed": Topology(
        lambda: {
            "a": conv(3, 8),
            "up": nn.ConvTranspose2d(8, 6, 2, 2),
            "fc": nn.Linear(6, 5),
        },
        deconvolved,
        ("a",),
    ),
    "group_norm": Topology(
        lambda: {
            "a": conv(3, 8),
            "n": nn.GroupNorm(4, 8),
            "b": conv(8, 8),
            "fc": nn.Linear(8, 5),
        },
        lambda m, x: m.fc(F.relu(m.b(F.relu(m.n(m.a(x))))).mean((2, 3))),
        ("a", "b"),
    ),
    "softmax": Topology(chain(), between(lambda x: x.softmax(1)), ("b",)),
    "spatial_attention": Topology(
        lambda: {
            "a": conv(3, 8),
            "s": conv(1, 1),
            "b": conv(8, 8),
            "fc": nn.Linear(8, 5),
        },
        lambda m, x: m.fc(
            F.relu(
                m.b((y := F.relu(m.a(x))) * torch.sigmoid(m.s(y.mean(1, True))))
            ).mean((2, 3))
        ),
        ("b",),
    ),
}
