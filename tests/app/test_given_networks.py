"""Networks of one's own on the pages: `app --model`, its order, its errors."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from streamlit.testing.v1 import AppTest

from tests.app.conftest import ROOT, open_page, texts
from workbench.cli.commands.app import given_of
from workbench.errors import WorkbenchError
from workbench.models.offered import VARIABLE, Given, Order, given_networks, read_order
from workbench.ui.services import code

SOURCE = """
import torch
from torch import nn


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(16)
        self.fc = nn.Linear(16, 12)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(x + self.bn2(self.conv2(x)))
        return self.fc(x.mean((2, 3)))


def build():
    torch.manual_seed(0)
    return Small()


def bad():
    raise RuntimeError("no such backbone")
"""
PAGES = ("model", "kernels", "prune", "sensitivity", "speed", "train", "learn", "runs")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder with a module and weights of its network."""
    (tmp_path / "ownnets.py").write_text(SOURCE)
    (tmp_path / "ownbroken.py").write_text("raise NameError('backbone')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import ownnets

    torch.manual_seed(1)
    save_file(ownnets.Small().state_dict(), tmp_path / "w.safetensors")
    given_networks.cache_clear()
    yield tmp_path
    given_networks.cache_clear()
    sys.modules.pop("ownnets", None)


def offer(monkeypatch: pytest.MonkeyPatch, *networks: Given, data: str | None) -> None:
    monkeypatch.setenv(VARIABLE, Order(networks, data).text())


def test_weights_and_shapes_belong_to_models_in_their_order(folder: Path) -> None:
    weights = str(folder / "w.safetensors")
    found = given_of(["a:b", "c:d", "e:f"], ["-", weights], ["1,28,28"])
    assert [one.weights for one in found] == [None, weights, None]
    assert {one.input_shape for one in found} == {(1, 28, 28)}
    shapes = given_of(["a:b", "lenet5"], [], ["3,8,8", "-"])
    assert [one.input_shape for one in shapes] == [(3, 8, 8), None]


@pytest.mark.parametrize(
    ("models", "weights", "shapes", "said"),
    [
        (["a:b"], ["x", "y"], [], "2 --weights for 1 --model"),
        ([], [], ["1,2,3"], "1 --input-shape for 0 --model"),
        (["a:b"], ["none.pt"], [], "no file none.pt, the weights of 'a:b'"),
        (["a:b"], [], ["1,2"], "--input-shape '1,2'"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    models: list[str], weights: list[str], shapes: list[str], said: str
) -> None:
    with pytest.raises(WorkbenchError) as caught:
        given_of(models, weights, shapes)
    assert said in caught.value.found


def test_the_order_goes_through_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Given("a:b", "/w.pt", (1, 28, 28))
    offer(monkeypatch, one, data="mnist5k")
    assert read_order() == Order((one,), "mnist5k")
    monkeypatch.delenv(VARIABLE)
    assert read_order() == Order()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model", "ownnets:bad"], "raised RuntimeError: no such backbone"),
        (["--model", "ownbroken:net"], "module 'ownbroken' cannot be imported"),
        (
            ["--model", "ownnets:build", "--weights", "lenet"],
            "weights that do not fit the network",
        ),
    ],
)
def test_what_cannot_be_loaded_ends_the_command_with_2(
    folder: Path, options: list[str], said: str
) -> None:
    lenet = str(ROOT / "sample_models" / "lenet5-mnist5k.safetensors")
    options = [lenet if one == "lenet" else one for one in options]
    command = [sys.executable, "-m", "workbench", "app", "--input-shape", "1,28,28"]
    done = subprocess.run(
        [*command, *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_own_network_opens_first_and_every_page_takes_it(
    app: AppTest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Given("ownnets:build", str(folder / "w.safetensors"), (1, 28, 28))
    offer(monkeypatch, one, data="mnist5k")
    open_page(app, "model")
    name = "ownnets:build · w.safetensors"
    assert app.selectbox(key="model").value == name
    assert app.selectbox(key="model").options[1] == "minivgg-mnist5k"
    assert app.header[0].value == "ownnets\\:build · w.safetensors"
    assert not app.error
    tiles = {tile.label: tile.value for tile in app.metric}
    # Untrained: about one in ten; 12 outputs for ten classes.
    assert float(tiles["Top-1 accuracy"].split("\u00a0")[0]) < 40
    for page in PAGES[1:]:
        app.switch_page(f"workbench/ui/pages/{page}.py").run()
        assert not app.exception, (page, app.exception)
        assert not app.error, (page, app.error)
    app.switch_page("workbench/ui/pages/prune.py").run()
    app.button(key="preset-magnitude").click().run()
    assert not app.exception
    assert "Preview: **" in texts(app)
    network = given_networks()[name][1]
    assert code.argument(network) == (
        f"ownnets:build --weights {one.weights} --input-shape 1,28,28"
    )
    assert code.load_line(network) == (
        f"wb.load_model(\"ownnets:build\", weights='{one.weights}', "
        "input_shape=(1, 28, 28))"
    )


def test_a_link_opens_an_own_network_without_images(
    app: AppTest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(
        monkeypatch,
        Given("lenet5", None, None),
        Given("ownnets:build", None, (1, 20, 20)),
        data=None,
    )
    app.query_params["model"] = "ownnets:build"
    open_page(app, "model")
    assert app.header[0].value == "ownnets\\:build"
    tiles = {tile.label: tile.value for tile in app.metric}
    assert tiles["Top-1 accuracy"] == "no data"
    assert "no dataset is known for network 'ownnets:build'" in app.error[0].value
    assert app.text_input(key="data_root").label == "Folder or file with the images"
    for page in PAGES[1:]:
        app.switch_page(f"workbench/ui/pages/{page}.py").run()
        assert not app.exception, (page, app.exception)
