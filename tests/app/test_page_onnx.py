"""The ONNX file of the page Runs and export, run by others: same answers."""

import importlib.util

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from streamlit.testing.v1 import AppTest

import workbench as wb
from tests.app.conftest import open_page
from workbench.ui.services.presets import PRESETS

MODEL = "lenet5-mnist5k"
# float32 against float32 in another order, on scores of size 10.
CLOSE = 1e-4


@pytest.mark.parametrize("preset", ["", "magnitude"])
def test_the_file_of_the_page_answers_like_the_network(
    app: AppTest, preset: str
) -> None:
    app.query_params["model"] = MODEL
    open_page(app, "prune")
    if preset:
        app.button(key=f"preset-{preset}").click().run()
    app.switch_page("workbench/ui/pages/runs.py").run()
    app.session_state["formats"] = ["onnx"]
    app.run()
    next(one for one in app.button if one.label == "Write and verify").click().run()
    assert not app.exception
    (file,) = app.session_state["exports_ready"].values()
    model = onnx.load_from_string(file.read())
    net = wb.load_model(MODEL)
    made = wb.prune(net, PRESETS[preset].recipe(MODEL, 0)) if preset else net
    x, _ = next(wb.dataset_for(net, split="test").take(8).batches(8))
    with torch.inference_mode():
        wanted = made.module(x).numpy()
    (name,) = (one.name for one in model.graph.input)
    (found,) = ReferenceEvaluator(model).run(None, {name: x.numpy()})
    assert np.abs(found - wanted).max() < CLOSE
    if importlib.util.find_spec("onnxruntime") is not None:
        import onnxruntime

        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        (also,) = session.run(None, {name: x.numpy()})
        assert np.abs(also - wanted).max() < CLOSE
