"""Every page and lesson in both themes: drawn without an error, clean under axe."""

import io
import os
from pathlib import Path

import pytest

from benchmarks.app_server import still
from tests.browser.conftest import VIEWPORT, settled
from workbench.ui.lessons import LESSONS

pytestmark = pytest.mark.browser
PAGES = ("", "kernels", "prune", "sensitivity", "speed", "train", "runs")
ADDRESSES = (*PAGES, *(f"learn?lesson={name}" for name in LESSONS))
# Of the framework: the index header of data editors, its upload drop zone, the empty
# symbol layer of Vega charts.
ALLOWED = {"empty-table-header", "presentation-role-conflict", "svg-img-alt"}


@pytest.fixture(scope="module")
def axe() -> str:
    """Return the source of axe-core; without it, skip at home and fail under CI."""
    try:
        from axe_playwright_python.base import AXE_FILE_PATH
    except ImportError:
        reason = "no axe-core: pip install axe-playwright-python"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(AXE_FILE_PATH).read_text(encoding="utf-8")


def brightness(tab: object) -> float:
    """Return the mean of the last pixel's channels, 0..255."""
    from PIL import Image

    picture = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
    pixel = picture.getpixel((picture.width - 10, picture.height - 10))
    return sum(pixel) / 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_and_lesson_draws_and_is_clean_under_axe(
    chromium: object, server: str, axe: str, scheme: str
) -> None:
    context = chromium.new_context(viewport=VIEWPORT, color_scheme=scheme)
    tab = context.new_page()
    tab.set_default_timeout(240_000)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    found = []
    for address in ADDRESSES:
        tab.goto(f"{server}/{address}")
        tab.get_by_label("Model", exact=True).first.wait_for()
        settled(tab)
        still(tab)
        bright = brightness(tab)
        assert bright > 200 if scheme == "light" else bright < 60, address
        tab.evaluate(axe)
        report = tab.evaluate("async () => await axe.run('[data-testid=stMain]')")
        found += [
            (address, one["id"], one["nodes"][0]["html"][:160])
            for one in report["violations"]
            if one["id"] not in ALLOWED
        ]
    context.close()
    assert found == []
    assert errors == []
