"""axe on every page in both themes: no violation that is ours."""

import os
from pathlib import Path

import pytest

from tests.browser.conftest import settled

pytestmark = pytest.mark.browser
PAGES = ("", "kernels", "prune", "sensitivity", "speed", "train", "learn", "runs")
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_of_ours(
    chromium: object, server: str, axe: str, scheme: str
) -> None:
    context = chromium.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme=scheme
    )
    tab = context.new_page()
    tab.set_default_timeout(240_000)
    found = []
    for name in PAGES:
        tab.goto(f"{server}/{name}")
        tab.get_by_label("Model", exact=True).first.wait_for()
        settled(tab)
        tab.wait_for_timeout(500)
        tab.evaluate(axe)
        report = tab.evaluate("async () => await axe.run('[data-testid=stMain]')")
        found += [
            (name, one["id"], one["nodes"][0]["html"][:160])
            for one in report["violations"]
            if one["id"] not in ALLOWED
        ]
    context.close()
    assert found == []
