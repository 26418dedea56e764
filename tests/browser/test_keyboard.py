"""The main journey without a mouse: open, prune, measure, export."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.browser.conftest import settled

pytestmark = pytest.mark.browser
MOST_STOPS = 150
# What a screen reader would call the focused element: its label, else its words.
_NAME = """() => {
  const one = document.activeElement
  return (one.getAttribute("aria-label") || one.innerText || "").trim()
}"""


def tab_to(page: object, name: str) -> None:
    """Press Tab until the control of that name has the focus."""
    met = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        met.append(page.evaluate(_NAME).split("\n")[-1])
        if met[-1] == name:
            return
    pytest.fail(f"Tab never reached {name!r}; it met {sorted(set(met))}")


def enter(page: object, name: str) -> None:
    """Go to a control by Tab and press Enter on it."""
    tab_to(page, name)
    page.keyboard.press("Enter")


def test_prune_measure_and_export_by_keyboard_alone(
    page: object, server: str, tmp_path: Path
) -> None:
    page.goto(server)
    page.get_by_role("heading", name="minivgg-mnist5k").wait_for()
    settled(page)
    enter(page, "Prune")
    page.get_by_role("button", name="Magnitude 80 %", exact=True).wait_for()
    settled(page)
    enter(page, "Magnitude 80 %")
    page.get_by_text("Preview:").wait_for()
    settled(page)
    enter(page, "Apply and measure")
    page.get_by_text("Speed-up by pruning").wait_for()
    settled(page)
    enter(page, "Runs and export")
    page.get_by_role("button", name="Write and verify", exact=True).wait_for()
    settled(page)
    enter(page, "Write and verify")
    page.get_by_role("button", name="Download safetensors", exact=True).wait_for()
    settled(page)
    with page.expect_download() as found:
        enter(page, "Download safetensors")
    file = tmp_path / found.value.suggested_filename
    found.value.save_as(file)
    # 80 % of every layer but the first convolution and the classifier.
    weight = load_file(file)["features.10.weight"]
    assert float((weight == 0).float().mean()) == pytest.approx(0.8, abs=0.01)
