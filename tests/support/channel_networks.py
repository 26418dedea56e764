"""How the networks of ``channel_topologies`` are put together.

Each is a ``Glue``: named convolutions and a function of them and one image.
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


def maxout(x: Tensor) -> Tensor:
    return x.view(x.shape[0], 2, -1, *x.shape[2:]).amax(dim=1)


def swapped(x: Tensor) -> Tensor:
    first, second = x.chunk(2, 1)
    return torch.cat([second, first], 1)


def shuffled(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, 4, c // 4, h, w).transpose(1, 2).reshape(n, c, h, w)


def partial(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    y = m.b(x)
    y = torch.cat([y[:, :4] + x[:, :4], y[:, 4:]], 1)
    return m.fc(F.relu(y).mean((2, 3)))


def residual(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    return m.fc(F.relu(x + m.c(F.relu(m.b(x)))).mean((2, 3)))


def concat(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    return m.fc(F.relu(m.c(F.relu(torch.cat([x, m.b(x)], 1)))).mean((2, 3)))


def squeeze(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    scale = m.up(F.relu(m.down(F.adaptive_avg_pool2d(x, 1))))
    return m.fc(F.relu(m.b(x * torch.sigmoid(scale))).mean((2, 3)))


def c2f(m: Any, x: Tensor) -> Tensor:
    parts = list(F.relu(m.a(x)).chunk(2, 1))
    parts.append(parts[-1] + m.c(F.relu(m.b(parts[-1]))))
    return m.fc(F.relu(m.d(torch.cat(parts, 1))).mean((2, 3)))


def csp(m: Any, x: Tensor) -> Tensor:
    left, right = F.relu(m.a(x)).split(4, 1)
    right = m.c(F.relu(m.b(right)))
    return m.fc(F.relu(m.d(torch.cat([left, right], 1))).mean((2, 3)))


def res2net(m: Any, x: Tensor) -> Tensor:
    parts = torch.split(F.relu(m.a(x)), 4, 1)
    one = F.relu(m.b(parts[0]))
    two = F.relu(m.c(one + parts[1]))
    return m.fc(F.relu(m.d(torch.cat([one, two, parts[2]], 1))).mean((2, 3)))


def split_attention(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    n, c, h, w = x.shape
    radix = x.view(n, 2, c // 2, h, w)
    share = m.b(radix.sum(1).mean((2, 3), keepdim=True)).view(n, 2, c // 2, 1, 1)
    return m.fc((radix * share.softmax(1)).sum(1).mean((2, 3)))


def heads(m: Any, x: Tensor) -> Tensor:
    fine = F.relu(m.a(x))
    coarse = F.relu(m.b(F.max_pool2d(fine, 2)))
    maps = [m.c(fine), m.d(coarse)]
    return torch.cat([one.flatten(2) for one in maps], 2)


def dense_net(m: Any, x: Tensor) -> Tensor:
    x = m.a(x)
    x = torch.cat([x, m.b(F.relu(m.n1(x)))], 1)
    x = torch.cat([x, m.c(F.relu(m.n2(x)))], 1)
    return m.fc(F.relu(x).mean((2, 3)))


def coordinate(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    rows = x.mean(3, keepdim=True)
    columns = x.mean(2, keepdim=True).transpose(2, 3)
    y = F.relu(m.b(torch.cat([rows, columns], 2)))
    left, right = y.split(8, 2)
    scale = torch.sigmoid(m.c(left)) * torch.sigmoid(m.d(right.transpose(2, 3)))
    return m.fc((x * scale).mean((2, 3)))


def pooled_attention(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    n, c = x.shape[:2]
    keys = m.b(x).reshape(n, 1, -1).softmax(-1).unsqueeze(3)
    context = (x.reshape(n, c, -1).unsqueeze(1) @ keys).view(n, c, 1, 1)
    return m.fc((x + context).mean((2, 3)))


def efficient_attention(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    scale = m.near(x.mean((2, 3)).unsqueeze(1)).squeeze(1)
    return m.fc(F.relu(m.b(x * torch.sigmoid(scale)[:, :, None, None])).mean((2, 3)))


def ghost(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    x = torch.cat([x, F.relu(m.cheap(x))], 1)[:, :12]
    return m.fc(F.relu(m.b(x)).mean((2, 3)))


def deconvolved(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    return m.fc(F.relu(m.up(x)).mean((2, 3)))


def trunk() -> dict[str, nn.Module]:
    return {
        "a": conv(3, 8),
        "b": conv(8, 8),
        "c": conv(8, 8),
        "fc": nn.Linear(8, 5),
    }


def halves_and_whole(m: Any, x: Tensor) -> Tensor:
    x = F.relu(m.a(x))
    y = torch.cat([m.b(x), m.c(x)], 1)
    return m.fc(F.relu(y + m.d(F.relu(y))).mean((2, 3)))
