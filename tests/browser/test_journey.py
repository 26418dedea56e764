"""The main journey, driven in a real browser, as a newcomer would go through it."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import workbench as wb
from sample_models.minivgg import build
from tests.browser.conftest import settled

pytestmark = pytest.mark.browser
LAYER = "features.10"


def button(page: object, name: str) -> object:
    return page.get_by_role("button", name=name, exact=True)


def text_of(page: object, label: str) -> str:
    """Return what the tile of that label shows."""
    tile = page.locator("[data-testid='stMetric']").filter(has_text=label)
    return str(tile.first.inner_text())


def painted(page: object) -> int:
    """Return how many different colours the mosaic's canvas holds."""
    return int(
        page.locator("canvas#view").evaluate(
            """(canvas) => {
              const size = canvas.width * canvas.height * 4
              const g = canvas.getContext("2d")
              const all = g.getImageData(0, 0, canvas.width, canvas.height).data
              const seen = new Set()
              for (let n = 0; n < size; n += 40) {
                seen.add((all[n] << 16) | (all[n + 1] << 8) | all[n + 2])
              }
              return seen.size
            }"""
        )
    )


def test_open_prune_measure_download_and_load_in_plain_torch(
    page: object, server: str, tmp_path: Path
) -> None:
    # Open: the sample's kernels are on the screen without a click.
    page.goto(server)
    page.locator("canvas#view").wait_for()
    assert page.get_by_role("heading", name="minivgg-mnist5k").count() == 1
    assert "1\u202f024 kernels of 3 × 3" in page.locator("#status").inner_text()
    settled(page)
    assert painted(page) > 50

    # Prune one layer with `pattern`.
    page.get_by_role("link", name="Prune").click()
    button(page, "All usual layers").click()
    button(page, LAYER).click()
    page.keyboard.press("Escape")
    button(page, "Set this rule for 1 layer(s)").click()
    # 5 of 9 weights of 64 x 64 kernels, of 287,264 weights in all: 7.1 %.
    page.get_by_text(re.compile(r"Preview: 7\.1\s")).wait_for()

    # Measure: accuracy and the three bars appear.
    button(page, "Apply and measure").click()
    page.get_by_text("Speed-up by pruning").wait_for()
    settled(page)
    assert re.search(r"\d\d\.\d\u00a0%", text_of(page, "Top-1, "))
    first = text_of(page, "Speed-up by pruning")
    for name in ("torch dense", "workbench dense", "workbench pruned"):
        assert page.get_by_text(re.compile(f"^{name} \\d|; {name} \\d")).count() or (
            page.locator(f"[aria-label*='{name}']").count()
        )

    # Prune more: the same figures change, and the accuracy is one that can be used.
    button(page, "PCONV 70 %").click()
    page.get_by_text(re.compile("Preview: 69")).wait_for()
    page.get_by_text("Top-1, batch norms re-estimated").first.wait_for()
    settled(page)
    assert re.search(r"9\d\.\d\u00a0%", text_of(page, "Top-1, batch norms"))
    assert page.get_by_text(re.compile("^raw [12]|raw [12].*before re")).count() >= 1
    button(page, "Apply and measure").click()
    page.get_by_text(re.compile("Step 1 of")).or_(
        page.get_by_text("Speed-up by pruning")
    ).first.wait_for()
    page.get_by_text("Speed-up by pruning").wait_for()
    assert text_of(page, "Speed-up by pruning") != first
    # The cards at the top take the measured numbers over.
    page.get_by_text("Time of one image, measured").wait_for()
    measured = re.search(r"[\d.]+\u00a0%", text_of(page, "Top-1, batch norms"))[0]

    # Take it away: written, read back, downloaded.
    page.get_by_role("link", name="Runs and export").click()
    sentence = page.get_by_text(re.compile("This network:")).first
    shown = float(re.search(r"([\d.]+)\u00a0%", sentence.inner_text())[1])
    assert measured == f"{shown:.1f}\u00a0%"
    button(page, "Write and verify").click()
    with page.expect_download() as found:
        button(page, "Download safetensors").click()
    file = tmp_path / found.value.suggested_filename
    found.value.save_as(file)
    settled(page)

    # In plain torch: loads strictly, and gives the accuracy that was shown.
    module = build()
    module.load_state_dict(load_file(file), strict=True)
    data = wb.load_dataset("mnist5k", split="test").take(1000)
    with torch.inference_mode():
        answers = module.eval()(data.tensor()).argmax(dim=1)
    right = float((answers == torch.from_numpy(data.labels)).float().mean())
    assert round(100 * right, 2) == pytest.approx(shown, abs=0.005)
    weight = module.get_parameter(f"{LAYER}.weight")
    assert float((weight == 0).float().mean()) == pytest.approx(0.7, abs=0.01)


def test_the_mosaic_zooms_moves_and_picks_by_keyboard(
    page: object, server: str
) -> None:
    page.goto(f"{server}/kernels")
    canvas = page.locator("canvas#view")
    canvas.wait_for()
    settled(page)
    canvas.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    status = page.locator("#status")
    assert status.inner_text().startswith("filter 2, channel 1, row 0, column 0")
    for _ in range(9):
        page.keyboard.press("+")
    before = painted(page)
    page.keyboard.press("0")
    assert painted(page) != before
    page.keyboard.press("Enter")
    page.get_by_text("Kernel: filter 2, channel 1").wait_for()
    settled(page)
