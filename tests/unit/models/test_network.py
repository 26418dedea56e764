"""Layer tables, digests and what from_module refuses."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

import workbench as wb
from sample_models.vgg16 import Vgg16
from workbench.errors import WorkbenchError
from workbench.models import from_module, load_model
from workbench.models.digest import digest_state
from workbench.models.inspect import network_of


def _small() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, (3, 5), padding="same", groups=8),
        nn.Conv2d(8, 4, 1, dilation=1),
        nn.Flatten(),
        nn.Linear(4 * 5 * 4, 6),
    )


def test_layer_table_of_a_hand_counted_network() -> None:
    net = from_module(_small(), input_shape=(3, 9, 8), classes=tuple("abcdef"))
    first, depthwise, pointwise, last = net.layers
    assert [layer.id for layer in net.layers] == ["0", "3", "4", "6"]
    # 9 x 8 at stride 2 with padding 1: 5 x 4 places, each 3 * 3 * 3 * 8 multiplies.
    assert first.output_shape == (8, 5, 4)
    assert first.macs == 5 * 4 * 216
    assert (first.bias, first.depthwise, first.stride) == (False, False, (2, 2))
    assert depthwise.weight_shape == (8, 1, 3, 5)
    assert depthwise.padding == (1, 2)
    assert depthwise.depthwise
    assert depthwise.macs == 120 * 20
    assert pointwise.kernel_size == (1, 1)
    assert last.kind == "linear"
    assert (last.input_shape, last.output_shape, last.macs) == ((80,), (6,), 480)


def test_order_is_that_of_execution_not_of_definition() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.late = nn.Conv2d(4, 2, 1)
            self.early = nn.Conv2d(3, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.late(self.early(x))
            return result

    net = from_module(Backwards(), input_shape=(3, 4, 4))
    assert [layer.id for layer in net.layers] == ["early", "late"]


def test_the_module_is_copied_and_put_into_eval_mode() -> None:
    module = _small().train()
    net = from_module(module, input_shape=(3, 9, 8))
    assert module.training
    assert not net.module.training
    with torch.no_grad():
        module[0].weight.zero_()
    assert bool(net.module.get_parameter("0.weight").any())


def test_large_images_are_inspected_without_computing() -> None:
    with torch.device("meta"):
        module = Vgg16().to_empty(device="cpu")
    net = network_of(
        module, input_shape=(3, 224, 224), name="vgg16", classes=(), dataset=None
    )
    assert len(net.layers) == 16
    assert sum(layer.params for layer in net.layers) == 138_344_128
    assert sum(layer.macs for layer in net.layers) == 15_470_264_320


def test_a_forward_that_looks_at_values_is_run_for_real() -> None:
    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(x)
            return y if float(y.sum()) > 0 else -y

    net = from_module(Looks(), input_shape=(3, 100, 100))
    assert net.layers[0].output_shape == (2, 98, 98)


@pytest.mark.parametrize(
    ("module", "shape", "words"),
    [
        (nn.Sequential(nn.ReLU()), (3, 8, 8), "no Conv2d or Linear"),
        (nn.Conv2d(3, 4, 3), (1, 8, 8), "fails on an image of shape (1, 8, 8)"),
        (nn.Conv2d(3, 4, 3), (3, 8, 0), "three numbers above 0"),
        (nn.Conv2d(3, 4, 3, padding_mode="reflect"), (3, 8, 8), "'reflect'"),
        (nn.Conv2d(3, 4, 2, padding="same"), (3, 8, 8), "even kernel"),
    ],
)
def test_what_from_module_refuses(
    module: nn.Module, shape: tuple[int, int, int], words: str
) -> None:
    with pytest.raises(WorkbenchError) as caught:
        from_module(module, input_shape=shape)
    assert words in str(caught.value)


def test_a_layer_that_runs_twice_is_one_layer_of_two_calls() -> None:
    shared = nn.Conv2d(3, 3, 3, padding=1)
    module = nn.Sequential(shared, nn.ReLU(), shared)
    net = from_module(module, input_shape=(3, 8, 8))
    assert [(layer.id, layer.calls) for layer in net.layers] == [("0", 2)]
    assert net.layers[0].macs == 2 * 81 * 64
    program = wb.compile(net, tune="model")
    macs = {s.layer: s.dense_macs for s in program.steps if s.dense_macs}
    assert macs == {"0": 81 * 64, "0@1": 81 * 64}


def test_masks_of_torch_must_be_made_permanent_first() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3))
    prune.l1_unstructured(module[0], "weight", amount=0.5)
    with pytest.raises(WorkbenchError, match="layer '0' carries 'weight_orig'"):
        from_module(module, input_shape=(3, 8, 8))
    prune.remove(module[0], "weight")
    net = from_module(module, input_shape=(3, 8, 8))
    assert int((net.module.get_parameter("0.weight") == 0).sum()) == 54


def test_several_outputs_have_names() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 1)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            y = self.conv(x)
            return y, y

    assert from_module(Two(), input_shape=(3, 4, 4)).outputs == ("0", "1")


def test_class_names_must_fit_the_output() -> None:
    with pytest.raises(WorkbenchError, match="for 2 class names"):
        from_module(_small(), input_shape=(3, 9, 8), classes=("a", "b"))


def test_an_unknown_layer_names_the_nearest() -> None:
    net = load_model("resnet20")
    assert net.layer("layer1.0.conv1").weight_shape == (16, 16, 3, 3)
    with pytest.raises(WorkbenchError, match=r"layer1\.0\.conv1"):
        net.layer("layer1.0.conv9")


def test_digest_follows_content_only() -> None:
    state = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones((), dtype=torch.int64)}
    same = {"b": state["b"].clone(), "a": state["a"].t().contiguous().t()}
    assert digest_state(same) == digest_state(state)
    assert digest_state({**state, "a": state["a"].view(3, 2)}) != digest_state(state)
    assert digest_state({**state, "c": state["b"]}) != digest_state(state)
    changed = state["a"].clone()
    changed[1, 2] += 1e-6
    assert digest_state({**state, "a": changed}) != digest_state(state)


def test_a_network_keeps_its_digest() -> None:
    net = from_module(_small(), input_shape=(3, 9, 8))
    assert net.digest == digest_state(net.module.state_dict())
    assert len(net.digest) == 64


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AssertionError("height 8 is not 224"), "height 8 is not 224"),
        (KeyError("scale"), "'scale'"),
        (ZeroDivisionError("division by zero"), "division by zero"),
    ],
)
def test_whatever_a_forward_raises_is_told(error: Exception, reason: str) -> None:
    class Raises(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            raise error

    with pytest.raises(WorkbenchError, match="fails on an image of shape") as caught:
        from_module(Raises(), input_shape=(3, 8, 8))
    assert reason in caught.value.found
