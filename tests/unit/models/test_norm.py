"""How images are normalised: said by people, by a module, or by the data."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from workbench.cli.main import main
from workbench.data.dataset import centre, make_dataset
from workbench.data.loading import dataset_for
from workbench.errors import WorkbenchError
from workbench.models.norm import read_norm


def make() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(1), nn.Linear(144, 2)).eval()


def configured() -> nn.Module:
    module = make()
    module.pretrained_cfg = {"mean": (0.1, 0.2, 0.3), "std": (1, 1, 1)}
    return module


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Return a folder with a split "val" of two classes, 9 x 9 pixels."""
    from PIL import Image

    draw = np.random.default_rng(0)
    for number in range(6):
        folder = tmp_path / "val" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 255, (9, 9, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path


@pytest.mark.parametrize(
    "text", ["", "1", "0.5/0", "0.5/-1", "a/b", "0.5/nan", "1/2/3", "0.5,/0.5"]
)
def test_what_does_not_say_a_mean_and_a_deviation_is_refused(text: str) -> None:
    with pytest.raises(WorkbenchError, match="MEAN/STD"):
        read_norm(text)


def test_the_images_are_normalised_as_people_say(images: Path) -> None:
    spec = f"{__name__}:make"
    net = wb.load_model(spec, input_shape=(3, 8, 8), norm=read_norm("127/128"))
    assert net.norm == ((127 / 255,) * 3, (128 / 255,) * 3)
    data = dataset_for(net, split="val", root=images)
    plain = dataset_for(
        wb.load_model(spec, input_shape=(3, 8, 8)), split="val", root=images
    )
    assert data.name == plain.name == f"{images.name}, middle 8 x 8"
    expected = (torch.from_numpy(data.images.copy()).float() - 127) / 128
    assert torch.allclose(data.tensor(), expected, atol=1e-5)
    # What was measured with other numbers does not hold.
    assert data.digest.startswith(plain.digest.partition("@")[0])
    assert data.digest != plain.digest


def test_a_module_may_say_it(images: Path) -> None:
    net = wb.load_model(f"{__name__}:configured", input_shape=(3, 8, 8))
    assert net.norm == ((0.1, 0.2, 0.3), (1, 1, 1))
    assert wb.from_module(configured(), input_shape=(3, 8, 8)).norm == net.norm
    said = wb.from_module(configured(), input_shape=(3, 8, 8), norm=((0,), (0.5,)))
    assert said.norm == ((0, 0, 0), (0.5, 0.5, 0.5))
    with pytest.raises(WorkbenchError, match="2 numbers to normalise images of 3"):
        wb.from_module(make(), input_shape=(3, 8, 8), norm=((0, 0), (1,)))


def test_the_middle_of_images_that_are_little_larger_is_taken(images: Path) -> None:
    pixels = np.arange(25, dtype=np.uint8).reshape(1, 1, 5, 5)
    data = make_dataset(
        "five", "val", images=pixels, labels=np.zeros(1, np.int64), classes=("a",),
        norm=((0.5,), (0.5,)),
    )  # fmt: skip
    assert centre(data, 3, 5).images[0, 0].tolist() == pixels[0, 0, 1:4].tolist()
    for side in (7, 10):
        module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(1))
        net = wb.from_module(module, input_shape=(3, side, side))
        with pytest.raises(WorkbenchError, match=r"images of shape \(3, 9, 9\)"):
            dataset_for(net, split="val", root=images)


def test_eval_needs_no_training_images(
    images: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "workbench", "eval", f"{__name__}:make", "--input-shape", "3,8,8",
        "--norm", "127/128", "--split", "val", "--data", str(images),
    ]  # fmt: skip
    monkeypatch.setenv("WORKBENCH_HOME", str(images / "home"))
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(SystemExit) as ended:
        main()
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert "middle 8 x 8 (val)" in out
    assert f"BN re-estimated: no 'train' part in {images}" in out.replace("\n", " ")
