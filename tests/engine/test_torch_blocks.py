"""Blocks of networks that people bring: torch's numbers for two images."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.capture.compile import compile
from workbench.engine.program import Program
from workbench.errors import WorkbenchError

TOLERANCE = 1e-5
"""Of the largest result: sums in another order."""


class ConvNeXt(nn.Module):
    """Permute, LayerNorm, linear layers over channels, GELU, GRN, LayerScale."""

    def __init__(self, c: int = 12) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, c, 4, 4)
        self.mix = nn.Conv2d(c, c, 7, padding=3, groups=c)
        self.norm = nn.LayerNorm(c)
        self.up, self.down = nn.Linear(c, 4 * c), nn.Linear(4 * c, c)
        self.grn = nn.Parameter(torch.rand(1, 1, 1, 4 * c))
        self.gamma = nn.Parameter(torch.rand(c))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = F.gelu(self.up(self.norm(self.mix(x).permute(0, 2, 3, 1))))
        size = torch.norm(y, p=2, dim=(1, 2), keepdim=True)
        y = self.grn * (y * (size / (size.mean(-1, keepdim=True) + 1e-6))) + y
        return x + (self.down(y) * self.gamma).permute(0, 3, 1, 2)


class Attention(nn.Module):
    """Class token, positions, heads by hand and torch's own attention."""

    def __init__(self, d: int = 16) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, d, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, d))
        self.places = nn.Parameter(torch.randn(1, 17, d))
        self.norm, self.qkv = nn.LayerNorm(d), nn.Linear(d, 3 * d)
        self.own = nn.MultiheadAttention(d, 2, batch_first=True)
        self.head = nn.Linear(d, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        n, length, d = x.shape
        qkv = self.qkv(self.norm(x)).reshape(n, length, 3, 4, d // 4)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        x = x + y.reshape(n, length, d)
        return self.head((x + self.own(x, x, x)[0])[:, 0])


class C2f(nn.Module):
    """A split of which both halves and what is made of one are joined."""

    def __init__(self, c: int = 8) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 2 * c, 1)
        self.inner = nn.Conv2d(c, c, 3, padding=1)
        self.last = nn.Conv2d(3 * c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.first(x).chunk(2, 1))
        parts.append(self.inner(parts[-1]) + parts[-1])
        return F.silu(self.last(torch.cat(parts, 1)))


class UNet(nn.Module):
    """A transposed convolution and a bilinear upsampling."""

    def __init__(self, c: int = 8) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, c, 3, padding=1)
        self.deep = nn.Conv2d(c, 2 * c, 3, padding=1)
        self.up = nn.ConvTranspose2d(2 * c, c, 4, 2, 1)
        self.last = nn.Conv2d(2 * c, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.down(x))
        y = self.up(F.relu(self.deep(F.max_pool2d(x, 2))))
        y = self.last(torch.cat([y, x], 1))
        return F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)


class Decoder(nn.Module):
    """A vector seen as an image and grown by a transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(3 * 256, 8 * 16)
        self.up = nn.ConvTranspose2d(8, 4, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.line(x.flatten(1)).view(-1, 8, 4, 4))


class PixelShuffle(nn.Module):
    """Channels into blocks of pixels and back, behind a reflected frame."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3)
        self.last = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(F.pad(x, (1, 1, 1, 1), mode="reflect"))
        return F.pixel_unshuffle(self.last(F.pixel_shuffle(x, 2)), 2)


class ECA(nn.Module):
    """A one-dimensional convolution over channels."""

    def __init__(self, c: int = 8) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, c, 3, padding=1)
        self.mix = nn.Conv1d(1, 1, 3, padding=1, bias=False)
        self.act = nn.PReLU(c)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.first(x))
        gate = self.mix(x.mean((2, 3)).view(x.shape[0], 1, -1)).sigmoid()
        return x * gate.view(x.shape[0], -1, 1, 1).expand_as(x)


class SK(nn.Module):
    """Branches that are stacked, weighed by a softmax and summed."""

    def __init__(self, c: int = 8) -> None:
        super().__init__()
        self.small = nn.Conv2d(3, c, 3, padding=1)
        self.large = nn.Conv2d(3, c, 5, padding=2)
        self.gate = nn.Conv2d(c, 2 * c, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.stack([self.small(x), self.large(x)], 1)
        gate = self.gate(x.sum(1).mean((2, 3), keepdim=True))
        return (x * gate.view(x.shape[0], 2, -1, 1, 1).softmax(1)).sum(1)


class GlobalContext(nn.Module):
    """Softmax pooling: a map of weights times all pixels."""

    def __init__(self, c: int = 8) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, c, 3, padding=1)
        self.key = nn.Conv2d(c, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        n, c = x.shape[:2]
        key = self.key(x).reshape(n, 1, -1).softmax(-1).unsqueeze(3)
        return x + (x.reshape(n, c, -1).unsqueeze(1) @ key).view(n, c, 1, 1)


class CoordinateAttention(nn.Module):
    """Pools over rows and columns, joined along rows and split again."""

    def __init__(self, c: int = 8) -> None:
        super().__init__()
        self.first, self.both = nn.Conv2d(3, c, 3, padding=1), nn.Conv2d(c, 4, 1)
        self.rows, self.columns = nn.Conv2d(4, c, 1), nn.Conv2d(4, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        rows, columns = x.mean(3, keepdim=True), x.mean(2, keepdim=True)
        both = torch.cat([rows, columns.permute(0, 1, 3, 2)], 2)
        y, z = torch.split(F.hardswish(self.both(both)), list(x.shape[2:]), 2)
        z = self.columns(z.permute(0, 1, 3, 2)).sigmoid()
        return x * self.rows(y).sigmoid() * z


class OneLogit(nn.Module):
    """One number an image, without an axis of its own; many small operations."""

    def __init__(self) -> None:
        super().__init__()
        self.groups = nn.GroupNorm(3, 3)
        self.each = nn.InstanceNorm2d(3, affine=True)
        self.line = nn.Linear(3 * 256, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.leaky_relu(self.groups(x)) + F.mish(self.each(x)) - F.softplus(x) / 2
        y = y + torch.exp(-x.abs()).sqrt().clamp(max=x.sigmoid())
        y = torch.roll(F.local_response_norm(y, 5), (1, 2), (2, 3)).flip(3)
        y = F.avg_pool2d(y, 3, 2, 1, ceil_mode=True, divisor_override=5)
        y = F.interpolate(y, size=(16, 16), mode="bicubic", align_corners=True)
        return self.line(y.flatten(1)).squeeze(1)


class Foreign(nn.Module):
    """Operations that nobody translates."""

    def forward(self, x: Tensor) -> Tensor:
        grid = F.affine_grid(torch.eye(2, 3)[None], (1, 3, 8, 8), align_corners=False)
        grid = grid.expand(x.shape[0], -1, -1, -1)
        y = F.grid_sample(x, grid, align_corners=False)
        best, places = torch.topk(y.flatten(1), 5, dim=1)
        return best + (places > 50).float()


BLOCKS = (
    *(ConvNeXt, Attention, C2f, UNet, Decoder, PixelShuffle, ECA, SK, GlobalContext),
    *(CoordinateAttention, OneLogit, Foreign),
)


def compiled(block: type[nn.Module]) -> tuple[nn.Module, Program]:
    torch.manual_seed(0)
    module = block().eval()
    x = torch.randn(1, 3, 16, 16)
    return module, compile(module, example=x, tune="model", check=False)


@pytest.mark.parametrize("block", BLOCKS)
def test_numbers_are_torchs(block: type[nn.Module]) -> None:
    module, program = compiled(block)
    x = torch.randn(2, 3, 16, 16, generator=torch.manual_seed(1))
    with torch.no_grad():
        expected = module(x).numpy()
    made = program(x)
    assert made.shape == expected.shape
    limit = TOLERANCE * float(np.abs(expected).max())
    np.testing.assert_allclose(made, expected, rtol=0, atol=limit)


def test_foreign_steps_are_named_and_not_saved(tmp_path) -> None:
    _, program = compiled(Foreign)
    kernels = [step.kernel for step in program.steps]
    assert "aten.grid_sampler.default" in kernels
    assert "aten.topk.default" in kernels
    with pytest.raises(WorkbenchError, match=r"aten\.grid_sampler\.default"):
        program.save(tmp_path / "foreign.wbp")


class Found(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten().nonzero().float()


def test_a_result_as_large_as_the_data_says_is_refused() -> None:
    with pytest.raises(WorkbenchError, match="Cut the network before it"):
        compile(Found(), example=torch.randn(1, 3, 4, 4), tune="model")


class MeanOfBatch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0, keepdim=True)


def test_what_mixes_images_is_refused() -> None:
    with pytest.raises(WorkbenchError, match="the batch among them"):
        compile(MeanOfBatch(), example=torch.randn(1, 3, 4, 4), tune="model")
