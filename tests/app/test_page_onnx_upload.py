"""An uploaded ONNX file goes the whole way: kernels, pruning, the pruned file."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from streamlit.testing.v1 import AppTest

import workbench as wb
from tests.app.conftest import open_page, texts
from tests.support.onnx_files import classifier, run, weights_of

# float32 against float32 in another order, on scores of size 10.
CLOSE = 1e-4


@cache
def lenet() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        wb.export(wb.load_model("lenet5-mnist5k"), path)
        return path.read_bytes()


def load(app: AppTest, name: str, content: bytes, dataset: str) -> AppTest:
    open_page(app, "model")
    app.file_uploader(key="upload_file").upload(name, content).run()
    app.selectbox(key="upload_dataset").select(dataset).run()
    return next(one for one in app.button if one.label == "Load network").click().run()


def test_an_onnx_file_is_pruned_and_comes_out(app: AppTest, tmp_path: Path) -> None:
    load(app, "mine.onnx", lenet(), "mnist5k")
    assert not app.exception
    assert not app.error
    assert app.header[0].value == "mine.onnx"
    assert list(app.dataframe[0].value["layer"]) == ["conv1", "conv2", "fc1", "fc2"]
    tiles = {tile.label: tile.value for tile in app.metric}
    assert float(tiles["Top-1 accuracy"].split("\u00a0")[0]) >= 97
    app.switch_page("workbench/ui/pages/kernels.py").run()
    assert not app.exception
    app.switch_page("workbench/ui/pages/prune.py").run()
    app.button(key="preset-magnitude").click().run()
    assert not app.exception
    app.switch_page("workbench/ui/pages/runs.py").run()
    app.session_state["formats"] = ["onnx"]
    app.run()
    next(one for one in app.button if one.label == "Write and verify").click().run()
    assert not app.exception
    assert not app.error
    (file,) = app.session_state["exports_ready"].values()
    out = tmp_path / "out.onnx"
    out.write_bytes(file.read())
    network = app.session_state["uploaded_networks"]["mine.onnx"]
    x = np.random.default_rng(0).standard_normal((2, 1, 28, 28)).astype(np.float32)
    (found,) = run(out, input=x)
    model = onnx.load(out)
    assert [one.name for one in model.graph.node] == [
        one.name for one in onnx.load_from_string(lenet()).graph.node
    ]
    zeros = {name: float((one == 0).mean()) for name, one in weights_of(out).items()}
    assert zeros["conv2.weight"] > 0.5
    again = wb.load_model(str(out))
    with torch.inference_mode():
        wanted = again.module(torch.from_numpy(x)).numpy()
    assert np.abs(found - wanted).max() < CLOSE
    assert network.layer("conv2").params == again.layer("conv2").params


def test_a_network_without_a_dataset_says_so(app: AppTest) -> None:
    load(app, "hand.onnx", classifier().SerializeToString(), "something else")
    assert not app.exception
    assert app.header[0].value == "hand.onnx"
    assert "hand.onnx came without a dataset" in texts(app)
    for page in ("kernels", "prune", "sensitivity", "speed", "train", "runs"):
        app.switch_page(f"workbench/ui/pages/{page}.py").run()
        assert not app.exception, page
        assert app.selectbox(key="model").value == "hand.onnx"


def test_a_damaged_file_changes_nothing(app: AppTest) -> None:
    load(app, "cut.onnx", lenet()[:1000], "mnist5k")
    assert not app.exception
    assert "cannot be read as ONNX" in app.error[0].value
    assert app.header[0].value == "minivgg-mnist5k"
