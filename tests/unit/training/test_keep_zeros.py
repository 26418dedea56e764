"""Zeros in a loop of one's own: momentum, weight decay, a moving average, callbacks."""

import copy
import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.training.callbacks import hugging_face, lightning


def pruned() -> Any:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(288, 4),
    )
    network = wb.from_module(module, input_shape=(3, 8, 8), name="net")
    return wb.prune(network, wb.Recipe.uniform("magnitude", 0.5, match="0"))


def trainable(net: Any) -> nn.Module:
    return copy.deepcopy(net.module).train()


def loss_of(module: nn.Module) -> torch.Tensor:
    x, y = torch.randn(6, 3, 8, 8), torch.randint(0, 4, (6,))
    return nn.functional.cross_entropy(module(x), y)


def grown(module: nn.Module) -> nn.Module:
    """Put something where the masks have zeros."""
    with torch.no_grad():
        module.get_parameter("0.weight").add_(0.01)
    return module


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW])
def test_a_plain_loop_keeps_every_zero(kind: Any) -> None:
    net = pruned()
    module = grown(trainable(net))
    more = {"momentum": 0.9} if kind is torch.optim.SGD else {}
    optimizer = kind(module.parameters(), lr=0.05, weight_decay=0.1, **more)
    average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    removed = ~net.masks["0"]
    with wb.keep_zeros(module, net) as kept:
        kept.apply(average)
        for _ in range(20):
            optimizer.zero_grad()
            loss_of(module).backward()
            optimizer.step()
            average.update_parameters(module)
            assert not bool(module.get_parameter("0.weight")[removed].any())
    assert (kept.steps, kept.check()) == (20, 108)
    assert kept.check(average) == 108
    again = wb.prune(
        wb.from_module(module, input_shape=(3, 8, 8)), masks=net.parameter_masks
    )
    assert torch.equal(again.masks["0"], net.masks["0"])
    state = module.state_dict()
    assert torch.equal(again.module.state_dict()["0.weight"], state["0.weight"])
    assert again.report.layers[0].zeros == 108


def test_without_it_momentum_brings_weights_back() -> None:
    net = pruned()
    module = trainable(net)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05)
    with wb.keep_zeros(module, net.masks) as kept:
        pass
    loss_of(module).backward()
    optimizer.step()
    with pytest.raises(WorkbenchError, match=r"of '0\.weight' that are not zero"):
        kept.check()


def test_masks_of_another_network_are_refused() -> None:
    with pytest.raises(WorkbenchError, match="a mask for 'stem'"):
        wb.keep_zeros(nn.Linear(2, 2), {"stem": torch.ones(2, 2, dtype=torch.bool)})
    with pytest.raises(WorkbenchError, match=r"of shape \(3,\)"):
        wb.keep_zeros(nn.Linear(2, 2), {"bias": torch.ones(3, dtype=torch.bool)})
    with pytest.raises(WorkbenchError, match="neither a recipe nor masks"):
        wb.prune(pruned().base)


class Holder(nn.Module):
    """As a Lightning module: the network is a part of it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model


@pytest.mark.parametrize("library", ["lightning", "transformers"])
def test_the_callbacks_by_their_protocol(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake: Any = ModuleType(library)
    fake.TrainerCallback = fake.Callback = object
    monkeypatch.setitem(sys.modules, library, fake)
    monkeypatch.setitem(sys.modules, "lightning.pytorch", fake)
    net = pruned()
    holder = Holder(grown(trainable(net)))
    optimizer = torch.optim.SGD(holder.parameters(), lr=0.05, momentum=0.9)
    by_lightning = library == "lightning"
    made = lightning if by_lightning else hugging_face
    callback = made.keep_zeros_callback(net)
    if by_lightning:
        callback.on_fit_start(None, holder)
    else:
        callback.on_train_begin(None, None, None, model=holder)
    for number in range(20):
        optimizer.zero_grad()
        loss_of(holder.model).backward()
        optimizer.step()
        if by_lightning:
            callback.on_train_batch_end(None, holder, None, None, number)
        else:
            callback.on_step_end(None, None, None, model=holder)
    kept = callback.kept
    if by_lightning:
        callback.on_fit_end(None, holder)
    else:
        callback.on_train_end(None, None, None)
    assert (kept.steps, kept.check()) == (20, 108)
    loss_of(holder.model).backward()
    optimizer.step()
    assert kept.steps == 20


@pytest.mark.parametrize(
    ("made", "package"), [(lightning, "lightning"), (hugging_face, "transformers")]
)
def test_a_missing_library_is_told(
    made: Any, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("lightning.pytorch", "pytorch_lightning", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(WorkbenchError, match=f"pip install {package}"):
        made.keep_zeros_callback({})
