"""Uploads in a real browser: good ones work, bad ones change nothing."""

import pickle
from pathlib import Path

import pytest

from sample_models.lenet5 import build
from tests.browser.conftest import ROOT, settled

pytestmark = pytest.mark.browser


def upload(page: object, file: Path) -> None:
    page.get_by_role("button", name="Use your own network").click()
    chooser = page.locator("[data-testid='stFileUploader'] input[type=file]")
    chooser.set_input_files(file)
    load = page.get_by_role("button", name="Load weights")
    page.wait_for_function(
        "() => [...document.querySelectorAll('button')]"
        ".some((b) => b.innerText.includes('Load weights') && !b.disabled)"
    )
    load.click()


def test_a_pickled_model_is_refused_and_the_session_stays(
    page: object, server: str, tmp_path: Path
) -> None:
    file = tmp_path / "whole-model.pt"
    file.write_bytes(pickle.dumps(build()))
    page.goto(server)
    settled(page)
    upload(page, file)
    page.get_by_text("Next step:").first.wait_for()
    assert page.get_by_role("heading", name="minivgg-mnist5k").count() == 1
    settled(page)


def test_good_weights_become_the_sessions_model(page: object, server: str) -> None:
    file = ROOT / "sample_models" / "minivgg-mnist5k.safetensors"
    page.goto(server)
    settled(page)
    upload(page, file)
    page.get_by_role("heading", name="minivgg · minivgg-mnist5k.safetensors").wait_for()
    settled(page)
