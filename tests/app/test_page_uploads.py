"""Uploads of weights: refusals say what, why and next; the session stays as it was."""

import io
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from streamlit.testing.v1 import AppTest

from sample_models.lenet5 import build
from tests.app.conftest import ROOT, open_page, texts

GOOD = ROOT / "sample_models" / "lenet5-mnist5k.safetensors"


def pickled() -> bytes:
    return pickle.dumps(build())


def torch_whole_model() -> bytes:
    file = io.BytesIO()
    torch.save(build(), file)
    return file.getvalue()


def wrong_shapes() -> bytes:
    state = build().state_dict()
    state["conv2.weight"] = torch.zeros(50, 20, 3, 3)
    return save({name: tensor.contiguous() for name, tensor in state.items()})


BAD = {
    "empty.safetensors": lambda: b"",
    "cut.safetensors": lambda: Path(GOOD).read_bytes()[:1000],
    "pickle.pt": pickled,
    "model.pt": torch_whole_model,
    "shapes.safetensors": wrong_shapes,
    "notes.txt": lambda: b"no weights at all",
}


def load(app: AppTest, architecture: str, name: str, content: bytes) -> AppTest:
    app.selectbox(key="upload_architecture").select(architecture).run()
    app.file_uploader(key="upload_file").upload(name, content).run()
    return next(one for one in app.button if one.label == "Load weights").click().run()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_and_changes_nothing(app: AppTest, name: str) -> None:
    open_page(app, "model")
    load(app, "lenet5", name, BAD[name]())
    assert not app.exception
    for part in ("**Found:**", "**Expected:**", "**Next step:**"):
        assert part in app.error[0].value
    assert app.header[0].value == "minivgg-mnist5k"
    assert app.selectbox(key="model").value == "minivgg-mnist5k"


def test_good_weights_become_the_sessions_model(app: AppTest) -> None:
    open_page(app, "model")
    load(app, "lenet5", "mine.safetensors", Path(GOOD).read_bytes())
    assert not app.exception
    assert not app.error
    assert app.header[0].value == "lenet5 · mine.safetensors"
    tiles = {tile.label: tile.value for tile in app.metric}
    assert float(tiles["Top-1 accuracy"].split("\u00a0")[0]) >= 97
    assert "Loaded and selected" in texts(app)
