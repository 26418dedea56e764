"""load_model by name, by architecture, by factory; the tables behind it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import prune

from sample_models.mobilenetv1 import MobileNetV1
from sample_models.seeded import build_seeded
from workbench.errors import WorkbenchError
from workbench.models import Network, list_architectures, list_samples, load_model
from workbench.models.digest import digest_state
from workbench.models.factory import call_factory
from workbench.models.samples import sample

# Published parameter counts (torchvision for the last two; the papers' tables agree).
_PARAMETERS = {
    "lenet5": 431_080,
    "resnet20": 272_474,
    "mobilenetv1": 4_231_976,
    "resnet50": 25_557_032,
}


def make_without_options() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())


def make_a_list() -> list[int]:
    return [1]


def make_and_fail() -> nn.Module:
    raise KeyError("depth")


def make_half_pruned() -> nn.Module:
    module = nn.Sequential(nn.Conv2d(3, 4, 3))
    prune.l1_unstructured(module[0], "weight", amount=0.5)
    return module


def make_with_needs(width: int) -> nn.Module:
    return nn.Conv2d(3, width, 3)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def large() -> Mapping[str, Network]:
    return {name: load_model(name) for name in ("mobilenetv1-224", "resnet50-224")}


@pytest.mark.parametrize(("name", "expected"), _PARAMETERS.items())
def test_architectures_have_the_published_size(
    name: str, expected: int, large: Mapping[str, Network]
) -> None:
    net = large.get(f"{name}-224") or load_model(name)
    assert sum(p.numel() for p in net.module.parameters()) == expected


def test_torchvision_names_of_resnet50(large: Mapping[str, Network]) -> None:
    names = set(large["resnet50-224"].module.state_dict())
    assert {"layer4.2.conv3.weight", "layer1.0.downsample.1.bias", "fc.bias"} <= names
    assert len(names) == 320


@pytest.mark.parametrize("name", ["mobilenetv1-224", "resnet50-224"])
def test_seeded_weights_keep_activations_sane(
    name: str, large: Mapping[str, Network]
) -> None:
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        spread = float(large[name].module(x).std())
    assert 0.1 < spread < 30


def test_seeded_weights_repeat() -> None:
    one, two = (build_seeded(MobileNetV1, 10, 7) for _ in range(2))
    assert digest_state(one.state_dict()) == digest_state(two.state_dict())
    other = build_seeded(MobileNetV1, 10, 8)
    assert digest_state(one.state_dict()) != digest_state(other.state_dict())


def test_every_sample_names_an_architecture_and_the_first_opens_first() -> None:
    samples = list_samples()
    known = {row.name for row in list_architectures()}
    assert samples[0].name == "minivgg-mnist5k"
    assert all(row.architecture in known for row in samples)
    assert [row.name for row in samples if not row.trained] == [
        "mobilenetv1-224",
        "resnet50-224",
        "vgg16-224",
    ]


def test_a_sample_knows_its_data_and_classes() -> None:
    net = load_model("lenet5-mnist5k")
    assert (net.name, net.dataset, net.input_shape) == (
        "lenet5-mnist5k",
        "mnist5k",
        (1, 28, 28),
    )
    assert net.classes == tuple("0123456789")
    assert [layer.id for layer in net.layers] == ["conv1", "conv2", "fc1", "fc2"]


def test_other_weights_for_a_sample(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    zeros = {
        name: torch.zeros_like(value)
        for name, value in load_model("lenet5").module.state_dict().items()
    }
    save_file(zeros, path)
    net = load_model("lenet5-mnist5k", weights=path)
    assert not net.module.get_parameter("fc1.weight").any()


def test_a_factory_gives_a_network() -> None:
    spec = f"{__name__}:make_without_options"
    net = load_model(spec, input_shape=(3, 10, 10))
    assert net.name == spec
    assert net.layers[0].output_shape == (4, 8, 8)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("resnet20-cifar", "expected a sample (minivgg-mnist5k"),
        ("mine.safetensors", "give its weights beside it"),
        ("no_such_package.nets:build", "'no_such_package.nets' cannot be imported"),
        (f"{__name__}:missing", "'missing' in module"),
        (f"{__name__}:make_a_list", "returns list; expected an nn.Module"),
        (f"{__name__}:make_with_needs", "does not take these arguments"),
        (f"{__name__}:make_and_fail", "raised KeyError: 'depth'"),
        (f"{__name__}:make_half_pruned", "weight_orig"),
        ("pkg:", "expected package.module:function"),
    ],
)
def test_what_load_model_refuses(spec: str, words: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        load_model(spec, input_shape=(3, 10, 10))
    assert words in str(caught.value)


def test_a_factory_needs_an_input_shape() -> None:
    with pytest.raises(WorkbenchError, match="Add input_shape"):
        load_model(f"{__name__}:make_without_options")


def test_unknown_options_of_an_architecture_are_refused() -> None:
    with pytest.raises(WorkbenchError, match="unexpected keyword argument 'depth'"):
        call_factory("sample_models.lenet5:build", {"depth": 3})


def test_an_unknown_sample_names_the_nearest() -> None:
    with pytest.raises(WorkbenchError, match="Did you mean 'lenet5-mnist5k'"):
        sample("lenet-mnist5k")
