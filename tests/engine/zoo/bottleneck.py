"""The grouped bottleneck that ResNeXt and RegNet share."""

from torch import Tensor, nn
from torch.nn import functional as F

from tests.engine.zoo.blocks import conv_bn


class Bottleneck(nn.Module):
    def __init__(
        self, inputs: int, middle: int, outputs: int, *, stride: int, groups: int
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_bn(inputs, middle, 1),
            conv_bn(middle, middle, stride=stride, groups=groups),
            conv_bn(middle, outputs, 1, act=None),
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else conv_bn(inputs, outputs, 1, stride=stride, act=None)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))
