"""Small networks whose channels meet, move and mix between convolutions.

Each is a ``Glue``: named convolutions and a function of them and one image.
``TOPOLOGIES`` says beside each which layers ``filter`` must be able to prune today
(``free``), and which only once channels are followed through every operation (``later``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.models.inspect import from_module
from workbench.models.network import Network

Forward = Callable[[Any, Tensor], Tensor]


class Glue(nn.Module):
    """Layers by name, and how they are put together."""

    def __init__(self, layers: dict[str, nn.Module], run: Forward) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self, x)


@dataclass(frozen=True)
class Topology:
    """One network, and what is known about its layers."""

    layers: Callable[[], dict[str, nn.Module]]
    run: Forward
    free: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    size: tuple[int, int, int] = field(default=(3, 8, 8))

    def network(self, name: str) -> Network:
        """Return it with seeded weights and batch norms that do something."""
        torch.manual_seed(11)
        module = Glue(self.layers(), self.run)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.normal_(part.weight, 1.0, 0.3)
                nn.init.normal_(part.bias, 0.0, 0.5)
        return from_module(module, input_shape=self.size, name=name)


def conv(inputs: int, outputs: int, size: int = 3, **more: Any) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, padding=size // 2, **more)


def normed(inputs: int, outputs: int, size: int = 3, **more: Any) -> nn.Sequential:
    return nn.Sequential(
        conv(inputs, outputs, size, bias=False, **more), nn.BatchNorm2d(outputs)
    )


def chain(width: int = 8, second: int | None = None, **more: Any) -> Any:
    """Return a maker of: a (3 -> width), b (second -> 8), fc (8 -> 5)."""
    return lambda: {
        "a": conv(3, width),
        "b": conv(second or width, 8, **more),
        "fc": nn.Linear(8, 5),
    }


def between(move: Callable[[Tensor], Tensor]) -> Forward:
    """Return: a, ReLU, ``move``, b, mean, fc."""

    def run(m: Any, x: Tensor) -> Tensor:
        return m.fc(F.relu(m.b(move(F.relu(m.a(x))))).mean((2, 3)))

    return run


def to_head(head: Callable[[Any, Tensor], Tensor]) -> Forward:
    """Return: a, ReLU, ``head`` of the module and the map."""
    return lambda m, x: head(m, F.relu(m.a(x)))


def _maxout(x: Tensor) -> Tensor:
    return x.view(x.shape[0], 2, -1, *x.shape[2:]).amax(dim=1)


def _swapped(x: Tensor) -> Tensor:
    first, second = x.chunk(2, 1)
    return torch.cat([second, first], 1)


def _shuffled(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, 4, c // 4, h, w).transpose(1, 2).reshape(n, c, h, w)


def _partial(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    y = m.b(x)
    y = torch.cat([y[:, :4] + x[:, :4], y[:, 4:]], 1)
    return m.fc(F.relu(y).mean((2, 3)))


def _residual(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    return m.fc(F.relu(x + m.c(F.relu(m.b(x)))).mean((2, 3)))


def _concat(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    return m.fc(F.relu(m.c(F.relu(torch.cat([x, m.b(x)], 1)))).mean((2, 3)))


def _squeeze(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    scale = m.up(F.relu(m.down(F.adaptive_avg_pool2d(x, 1))))
    return m.fc(F.relu(m.b(x * torch.sigmoid(scale))).mean((2, 3)))


def _c2f(m: Any, x: Tensor) -> Tensor:
    parts = list(F.relu(m.a(x)).chunk(2, 1))
    parts.append(parts[-1] + m.c(F.relu(m.b(parts[-1]))))
    return m.fc(F.relu(m.d(torch.cat(parts, 1))).mean((2, 3)))


def _csp(m: Any, x: Tensor) -> Tensor:
    left, right = F.relu(m.a(x)).split(4, 1)
    right = m.c(F.relu(m.b(right)))
    return m.fc(F.relu(m.d(torch.cat([left, right], 1))).mean((2, 3)))


def _res2net(m: Any, x: Tensor) -> Tensor:
    parts = torch.split(F.relu(m.a(x)), 4, 1)
    one = F.relu(m.b(parts[0]))
    two = F.relu(m.c(one + parts[1]))
    return m.fc(F.relu(m.d(torch.cat([one, two, parts[2]], 1))).mean((2, 3)))


def _split_attention(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    n, c, h, w = x.shape
    radix = x.view(n, 2, c // 2, h, w)
    share = m.b(radix.sum(1).mean((2, 3), keepdim=True)).view(n, 2, c // 2, 1, 1)
    return m.fc((radix * share.softmax(1)).sum(1).mean((2, 3)))


def _heads(m: Any, x: Tensor) -> Tensor:
    fine = F.relu(m.a(x))
    coarse = F.relu(m.b(F.max_pool2d(fine, 2)))
    maps = [m.c(fine), m.d(coarse)]
    return torch.cat([one.flatten(2) for one in maps], 2)


def _dense_net(m: Any, x: Tensor) -> Tensor:
    x = m.a(x)
    x = torch.cat([x, m.b(F.relu(m.n1(x)))], 1)
    x = torch.cat([x, m.c(F.relu(m.n2(x)))], 1)
    return m.fc(F.relu(x).mean((2, 3)))


def _coordinate(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    rows = x.mean(3, keepdim=True)
    columns = x.mean(2, keepdim=True).transpose(2, 3)
    y = F.relu(m.b(torch.cat([rows, columns], 2)))
    left, right = y.split(8, 2)
    scale = torch.sigmoid(m.c(left)) * torch.sigmoid(m.d(right.transpose(2, 3)))
    return m.fc((x * scale).mean((2, 3)))


def _pooled_attention(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    n, c = x.shape[:2]
    keys = m.b(x).reshape(n, 1, -1).softmax(-1).unsqueeze(3)
    context = (x.reshape(n, c, -1).unsqueeze(1) @ keys).view(n, c, 1, 1)
    return m.fc((x + context).mean((2, 3)))


def _efficient_attention(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    scale = m.near(x.mean((2, 3)).unsqueeze(1)).squeeze(1)
    return m.fc(F.relu(m.b(x * torch.sigmoid(scale)[:, :, None, None])).mean((2, 3)))


def _ghost(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    x = torch.cat([x, F.relu(m.cheap(x))], 1)[:, :12]
    return m.fc(F.relu(m.b(x)).mean((2, 3)))


def _deconvolved(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    return m.fc(F.relu(m.up(x)).mean((2, 3)))


def _trunk() -> dict[str, nn.Module]:
    return {
        "a": conv(3, 8),
        "b": conv(8, 8),
        "c": conv(8, 8),
        "fc": nn.Linear(8, 5),
    }


TOPOLOGIES: dict[str, Topology] = {
    "plain": Topology(chain(), between(lambda x: x), ("a", "b")),
    "residual": Topology(_trunk, _residual, ("a", "b", "c")),
    "residual_normed": Topology(
        lambda: {
            "a": normed(3, 8),
            "b": normed(8, 8),
            "c": normed(8, 8),
            "fc": nn.Linear(8, 5),
        },
        _residual,
        ("a.0", "b.0", "c.0"),
    ),
    "concat": Topology(
        lambda: {**_trunk(), "c": conv(16, 8)}, _concat, ("a", "b", "c")
    ),
    "dense_net": Topology(
        lambda: {
            "a": conv(3, 8),
            "n1": nn.BatchNorm2d(8),
            "b": conv(8, 4),
            "n2": nn.BatchNorm2d(12),
            "c": conv(12, 4),
            "fc": nn.Linear(16, 5),
        },
        _dense_net,
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
        later=("a",),
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
        _squeeze,
        ("a", "down", "up", "b"),
    ),
    "upsampled": Topology(
        chain(),
        between(lambda x: F.interpolate(F.avg_pool2d(x, 2), scale_factor=2.0)),
        ("a", "b"),
    ),
    "two_multiplied": Topology(
        _trunk,
        lambda m, x: m.fc((m.b(y := F.relu(m.a(x))) * m.c(y)).mean((2, 3))),
        ("a", "b", "c"),
    ),
    "shuffle_grouped": Topology(
        chain(16, groups=4), between(lambda x: F.channel_shuffle(x, 4)), later=("a",)
    ),
    "shuffle_by_view": Topology(chain(16, groups=4), between(_shuffled), later=("a",)),
    "shuffle_dense": Topology(
        chain(16), between(lambda x: F.channel_shuffle(x, 4)), later=("a",)
    ),
    "flip": Topology(chain(), between(lambda x: x.flip(1)), later=("a",)),
    "roll": Topology(chain(), between(lambda x: x.roll(3, 1)), later=("a",)),
    "index_select": Topology(
        chain(),
        between(lambda x: x.index_select(1, torch.tensor([3, 1, 0, 2, 7, 6, 5, 4]))),
        later=("a",),
    ),
    "fancy_index": Topology(
        chain(), between(lambda x: x[:, [1, 0, 3, 2, 5, 4, 7, 6]]), later=("a",)
    ),
    "maxout": Topology(chain(16, 8), between(_maxout), later=("a",)),
    "pixel_unshuffle": Topology(
        chain(8, 32), between(lambda x: F.pixel_unshuffle(x, 2)), later=("a",)
    ),
    "pixel_shuffle": Topology(
        chain(32, 8), between(lambda x: F.pixel_shuffle(x, 2)), later=("a",)
    ),
    "chunk_swap": Topology(chain(), between(_swapped), later=("a",)),
    "nested_chunks": Topology(
        chain(16, 16),
        between(
            lambda x: torch.cat([p for q in x.chunk(2, 1) for p in q.chunk(2, 1)], 1)
        ),
        later=("a",),
    ),
    "c2f": Topology(
        lambda: {
            "a": conv(3, 8, 1),
            "b": conv(4, 4),
            "c": conv(4, 4),
            "d": conv(12, 8, 1),
            "fc": nn.Linear(8, 5),
        },
        _c2f,
        ("b", "d"),
        ("a", "c"),
    ),
    "csp": Topology(
        lambda: {
            "a": conv(3, 8, 1),
            "b": conv(4, 4),
            "c": conv(4, 4),
            "d": conv(8, 8, 1),
            "fc": nn.Linear(8, 5),
        },
        _csp,
        ("b", "d"),
        ("a", "c"),
    ),
    "res2net": Topology(
        lambda: {
            "a": conv(3, 12, 1),
            "b": conv(4, 4),
            "c": conv(4, 4),
            "d": conv(12, 8, 1),
            "fc": nn.Linear(8, 5),
        },
        _res2net,
        ("d",),
        ("a", "b", "c"),
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
        ("b",),
        ("a",),
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
        ("b",),
        ("a",),
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
        ("b",),
        ("a",),
    ),
    "image_residual": Topology(
        lambda: {"a": conv(3, 3), "b": conv(3, 8), "fc": nn.Linear(8, 5)},
        lambda m, x: m.fc(F.relu(m.b(m.a(x) + x)).mean((2, 3))),
        ("b",),
    ),
    "split_attention": Topology(
        lambda: {"a": conv(3, 16), "b": conv(8, 16, 1), "fc": nn.Linear(8, 5)},
        _split_attention,
        later=("a", "b"),
    ),
    "partial_residual": Topology(
        lambda: {"a": conv(3, 8), "b": conv(8, 12), "fc": nn.Linear(12, 5)},
        _partial,
        later=("a", "b"),
    ),
    "heads": Topology(
        lambda: {
            "a": conv(3, 8),
            "b": conv(8, 8),
            "c": conv(8, 4, 1),
            "d": conv(8, 4, 1),
        },
        _heads,
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
        _coordinate,
        ("a", "c", "d"),
        ("b",),
    ),
    "global_context": Topology(
        lambda: {"a": conv(3, 8), "b": conv(8, 1, 1), "fc": nn.Linear(8, 5)},
        _pooled_attention,
        later=("a",),
    ),
    "eca": Topology(
        lambda: {
            "a": conv(3, 8),
            "near": nn.Conv1d(1, 1, 3, padding=1, bias=False),
            "b": conv(8, 8),
            "fc": nn.Linear(8, 5),
        },
        _efficient_attention,
        ("b",),
    ),
    "ghost": Topology(
        lambda: {
            "a": conv(3, 8),
            "cheap": conv(8, 8, groups=8),
            "b": conv(12, 8),
            "fc": nn.Linear(8, 5),
        },
        _ghost,
        ("b",),
        ("a",),
    ),
    "transposed": Topology(
        lambda: {
            "a": conv(3, 8),
            "up": nn.ConvTranspose2d(8, 6, 2, 2),
            "fc": nn.Linear(6, 5),
        },
        _deconvolved,
        later=("a",),
    ),
    "group_norm": Topology(
        lambda: {
            "a": conv(3, 8),
            "n": nn.GroupNorm(4, 8),
            "b": conv(8, 8),
            "fc": nn.Linear(8, 5),
        },
        lambda m, x: m.fc(F.relu(m.b(F.relu(m.n(m.a(x))))).mean((2, 3))),
        ("b",),
        ("a",),
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
