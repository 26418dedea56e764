"""Models out of libraries and hubs: fakes for the logic, real ones where installed."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import workbench as wb
from workbench.cli.source_options import read_settings
from workbench.errors import WorkbenchError
from workbench.models.loading import load_model
from workbench.models.sources import SOURCES, source_of


class Net(nn.Module):
    def __init__(self, num_classes: int = 4, width: int = 6) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, width, 3), nn.Linear(width, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.conv(x).mean((2, 3)))


def build(num_classes: int = 4, width: int = 6) -> nn.Module:
    return Net(num_classes, width)


HERE = f"{__name__}:build"


class FakeTimm(ModuleType):
    """As much of timm as is asked for; weights cannot be fetched."""

    __version__ = "1.0"

    def is_model(self, name: str) -> bool:
        return name == "smallnet_050"

    def list_models(self) -> list[str]:
        return ["smallnet_050", "smallnet_100", "other"]

    def create_model(self, name: str, *, pretrained: bool, **settings: Any) -> Net:
        if pretrained:
            raise ConnectionError("no route to the hub\nmore")
        module = Net(**settings)
        module.pretrained_cfg = {  # type: ignore[assignment]
            "input_size": (3, 32, 48),
            "mean": (0.5, 0.4, 0.3),
            "std": (0.2, 0.2, 0.1),
        }
        return module


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> FakeTimm:
    fake = FakeTimm("timm")
    monkeypatch.setitem(sys.modules, "timm", fake)
    return fake


def test_the_prefix_tells_the_source() -> None:
    forms = [source.form for source in SOURCES]
    assert forms == [
        "timm:NAME",
        "torchvision:NAME",
        "hub:ORG/NAME",
        "FILE.onnx",
        "package.module:function",
    ]
    assert source_of("hub:a/b") == (SOURCES[2], "a/b")
    assert source_of("my.nets:build") == (SOURCES[4], "my.nets:build")


def test_timm_knows_the_images(timm: FakeTimm) -> None:
    net = load_model("timm:smallnet_050", random=True, num_classes=7)
    assert net.input_shape == (3, 32, 48)
    assert net.norm == ((0.5, 0.4, 0.3), (0.2, 0.2, 0.1))
    assert net.layer("fc").weight_shape == (7, 6)
    assert "random weights, drawn with seed 0" in net.notes


def test_random_weights_repeat_and_leave_the_generator_alone(timm: FakeTimm) -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    one = load_model("timm:smallnet_050", random=True)
    assert torch.equal(torch.rand(3), wanted)
    assert load_model("timm:smallnet_050", random=True).digest == one.digest


def test_weights_that_cannot_be_had_say_what_to_do(timm: FakeTimm) -> None:
    with pytest.raises(WorkbenchError) as caught:
        load_model("timm:smallnet_050")
    assert str(caught.value) == (
        "the weights of 'timm:smallnet_050', which are not in the local cache and "
        "cannot be fetched (ConnectionError: no route to the hub); expected weights in "
        "the cache, or a connection to their hub. Connect once, give a file (weights=, "
        "--weights), or take random weights (random=True, --random)."
    )


def test_an_unknown_name_suggests_near_ones(timm: FakeTimm) -> None:
    with pytest.raises(WorkbenchError, match="for example smallnet_050, smallnet_100"):
        load_model("timm:smallnet_05", random=True)


def test_settings_that_are_no_arguments_are_refused(timm: FakeTimm) -> None:
    with pytest.raises(WorkbenchError, match="does not take these settings"):
        load_model("timm:smallnet_050", random=True, depth=3)


@pytest.mark.parametrize("prefix", ["timm", "torchvision", "hub"])
def test_a_missing_library_says_the_one_command(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = {"hub": "huggingface_hub"}.get(prefix, prefix)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(WorkbenchError) as caught:
        load_model(f"{prefix}:a/b")
    assert caught.value.next_step == f"Run: pip install 'pruning-workbench[{prefix}]'"


def test_a_library_of_another_torch_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(ModuleType):
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("operator torchvision::nms does not exist")

    broken = Broken("torchvision")
    broken.__path__ = []
    monkeypatch.setitem(sys.modules, "torchvision", broken)
    with pytest.raises(WorkbenchError, match="built for the installed torch"):
        load_model("torchvision:resnet18")


def test_a_factory_takes_settings_and_repeats() -> None:
    net = load_model(HERE, input_shape=(3, 8, 8), num_classes=3, width=5)
    assert net.layer("fc").weight_shape == (3, 5)
    again = load_model(HERE, input_shape=(3, 8, 8), num_classes=3, width=5)
    assert again.digest == net.digest
    assert "with seed 0" in net.notes[0]
    with pytest.raises(WorkbenchError, match="does not take these arguments"):
        load_model(HERE, input_shape=(3, 8, 8), classes=3)


def test_samples_have_no_settings() -> None:
    with pytest.raises(WorkbenchError, match="'lenet5' with num_classes"):
        load_model("lenet5", num_classes=3)


class FakeHub(ModuleType):
    """A hub that is one folder."""

    folder: Path

    def hf_hub_download(self, name: str, file: str) -> str:
        path = self.folder / file
        if not path.is_file():
            raise type("EntryNotFoundError", (Exception,), {})(file)
        return str(path)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeHub:
    fake = FakeHub("huggingface_hub")
    fake.folder = tmp_path
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    return fake


def test_a_hub_repository_of_timm(timm: FakeTimm, hub: FakeHub) -> None:
    torch.manual_seed(3)
    theirs = Net(num_classes=9)
    save_file(theirs.state_dict(), hub.folder / "model.safetensors")
    config = {
        "architecture": "smallnet_050",
        "num_classes": 9,
        "pretrained_cfg": {"input_size": [3, 40, 40], "mean": [0.1], "std": [0.2]},
    }
    (hub.folder / "config.json").write_text(json.dumps(config))
    net = load_model("hub:org/small")
    assert net.input_shape == (3, 40, 40)
    assert net.norm == ((0.1,) * 3, (0.2,) * 3)
    assert torch.equal(net.module.get_parameter("fc.weight"), theirs.fc.weight)


def test_a_hub_repository_by_a_factory_and_one_of_pickles(hub: FakeHub) -> None:
    given: Any = {"input_shape": (3, 8, 8), "factory": HERE}
    with pytest.raises(WorkbenchError, match=r"no model\.safetensors in 'org/small'"):
        load_model("hub:org/small", **given)
    save_file(Net().state_dict(), hub.folder / "model.safetensors")
    assert load_model("hub:org/small", **given).layer("conv").macs == 6 * 27 * 36
    (hub.folder / "config.json").write_text('{"architectures": ["ResNetForCats"]}')
    with pytest.raises(WorkbenchError, match="names ResNetForCats"):
        load_model("hub:org/small")


def test_a_typed_setting() -> None:
    assert read_settings(["n=3", "x=1e-3", "shape=[1, 2]", "on=true", "act=silu"]) == {
        "n": 3,
        "x": 1e-3,
        "shape": [1, 2],
        "on": True,
        "act": "silu",
    }
    with pytest.raises(WorkbenchError, match="each key once"):
        read_settings(["n=3", "n=4"])


def test_torchvisions_choice_of_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    best = SimpleNamespace(
        transforms=lambda: SimpleNamespace(crop_size=[48], mean=[0.5], std=[0.25])
    )

    class Weights:
        DEFAULT = best

        def __len__(self) -> int:
            return 1

    def get_model(name: str, *, weights: Any, **settings: Any) -> nn.Module:
        asked.append((weights, settings))
        return Net()

    def builder(*, weights: Any = None, weights_backbone: Any = "x") -> None: ...

    models: Any = ModuleType("torchvision.models")
    models.list_models = lambda: ["resnet18"]
    models.get_model_weights = lambda name: Weights()
    models.get_model_builder = lambda name: builder
    models.get_model = get_model
    package: Any = ModuleType("torchvision")
    package.models = models
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    net = load_model("torchvision:resnet18")
    assert net.input_shape == (3, 48, 48)
    assert net.norm == ((0.5,) * 3, (0.25,) * 3)
    load_model("torchvision:resnet18", random=True)
    assert asked == [(best, {}), (None, {"weights_backbone": None})]


def test_the_real_timm() -> None:
    pytest.importorskip("timm")
    net = wb.load_model("timm:mobilenetv3_small_050", random=True, num_classes=5)
    assert net.input_shape == (3, 224, 224)
    assert net.layer("classifier").weight_shape == (5, 1024)
    assert net.norm is not None
    with pytest.raises(WorkbenchError, match=r"mobilenetv3_small_050"):
        wb.load_model("timm:mobilenetv3_smal_050")


def test_the_real_torchvision() -> None:
    pytest.importorskip("torchvision", exc_type=Exception)
    net = wb.load_model("torchvision:lraspp_mobilenet_v3_large", random=True)
    assert (net.input_shape, net.outputs) == ((3, 224, 224), ("out",))
