"""The networks of the zoo: their names, how they are loaded, their sizes.

Belongs here: the list. Does not belong here: what is asked of them (zoo_checks.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import torch
from torch import nn

import workbench as wb
from workbench.models.network import Network

SMALL = 64
"""Pixels a side for passes that time nothing."""

CLASSES = (
    "resnet18 resnet50 mobilenetv2_100 mobilenetv3_large_100 mobilenetv3_small_100 \
efficientnet_b0 mobilenetv1_100 mobilenetv4_conv_small mobilenetv4_conv_medium \
densenet121 vgg11_bn inception_v3 inception_v4 resnext50_32x4d wide_resnet50_2 \
xception41 efficientnet_lite0 mnasnet_100 ghostnet_100 repvgg_a0 regnetx_002 \
regnety_002 dpn68 dla34 hrnet_w18_small res2net50_26w_4s efficientnetv2_rw_t nfnet_l0 \
hardcorenas_a fbnetc_100 lcnet_050 mixnet_s mobileone_s0 starnet_s1 ese_vovnet19b_dw \
hgnet_tiny rexnet_100 gernet_s resnetv2_50 seresnet50 tf_efficientnet_b0 hgnetv2_b0 \
convnext_atto convnextv2_atto resnest14d skresnet18 ecaresnet26t fastvit_t8 \
inception_next_atto repvit_m0_9 cspresnet50 cspdarknet53 tresnet_m gcresnet33ts \
edgenext_xx_small mobilevit_xxs efficientvit_m0 vit_tiny_patch16_224 mixer_s32_224"
)
"""Of timm."""

OTHERS = "squeezenet1_1 shufflenet_v2_x1_0 googlenet alexnet regnet_y_400mf \
fcn_resnet50 deeplabv3_mobilenet_v3_large lraspp_mobilenet_v3_large"
"""Of torchvision."""

FACTORIES = {
    "ssdlite320": "benchmarks.zoo_own:ssdlite",
    "retinanet_resnet50": "benchmarks.zoo_own:retinanet",
    "yolo": "benchmarks.zoo_own:Yolo",
    "unet": "benchmarks.zoo_own:UNet",
}

SMALLEST = {
    "inception_v3": 96,
    "inception_v4": 96,
    "efficientvit_m0": 224,
    "vit_tiny_patch16_224": 224,
    "mixer_s32_224": 224,
    "yolo": 96,
}
"""Sides where `SMALL` is too few."""

USUAL = {"ssdlite320": 320, "retinanet_resnet50": 320, "yolo": 320, "unet": 128}
"""Sides of factories, which do not say one, when times are measured."""

WITHOUT_CONVOLUTIONS = ("vit_tiny_patch16_224", "mixer_s32_224")
"""What is beyond their stem is linear: no CNN."""


@dataclass(frozen=True)
class Entry:
    """One network of the list.

    Parameters
    ----------
    name : str
        In the table.
    spec : str
        As `workbench.load_model` takes it.
    settings : mapping of str to Any
        Arguments of what builds it.
    """

    name: str
    spec: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def convolutional(self) -> bool:
        """Whether it counts as a CNN."""
        return self.name not in WITHOUT_CONVOLUTIONS


NETWORKS: tuple[Entry, ...] = (
    *(Entry(name, f"timm:{name}") for name in CLASSES.split()),
    *(Entry(f"tv_{name}", f"torchvision:{name}") for name in OTHERS.split()),
    *(Entry(name, spec) for name, spec in FACTORIES.items()),
)


def declare_operators() -> None:
    """Declare the operators that torchvision describes when it is imported.

    Its compiled part is made for one torch. No network here runs it, but the import
    fails where it does not load.
    """
    global _declared
    try:
        import_module("torchvision")
    except RuntimeError:
        _declared = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            form = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            _declared.define(form)


_declared: Any = None
"""Declarations last as long as this."""


def entry_of(name: str) -> Entry:
    """Return a network of the list by its name in the table."""
    return next(one for one in NETWORKS if one.name == name)


def load(entry: Entry, *, small: bool) -> Network:
    """Return a network with random weights that all matter; see `lively`.

    Parameters
    ----------
    entry : Entry
    small : bool
        With as few pixels as it takes, or with its own size.
    """
    declare_operators()
    shape = None
    side = SMALLEST.get(entry.name, SMALL) if small else USUAL.get(entry.name)
    if side is not None:
        shape = (3, side, side)
    random = {} if entry.spec.startswith("benchmarks.") else {"random": True}
    net = wb.load_model(entry.spec, input_shape=shape, **random, **entry.settings)
    lively(net.module, net.input_shape)
    return net


def lively(module: nn.Module, shape: tuple[int, ...]) -> None:
    """Give constants random values and batch norms the statistics of noise.

    A network that nobody trained has scales of one or of a millionth and shifts of
    zero: what is wrong behind them would not show.
    """
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in module.named_parameters():
            if value.numel() < 2 or float(value.std()) > 0:
                continue
            if name.endswith("bias"):
                value.normal_(0, 0.1, generator=draw)
            else:
                value.uniform_(0.5, 1.5, generator=draw)
    norms = [
        m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)
    ]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        module(torch.randn(4, *shape, generator=draw))
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
        norm.eval()
