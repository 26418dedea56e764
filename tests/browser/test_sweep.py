"""A sensitivity sweep in a browser: cancelled, found after a reload, continued."""

import re

import pytest

from tests.browser.conftest import settled

pytestmark = pytest.mark.browser
# Seven layers of MiniVGG by seven sparsities, each timed and no curve ended early: far
# more than a reload and a click can miss.
LEVELS = (30, 50, 60, 70, 80, 90, 95)
ASKED = "&".join(
    ["sensitivity?celltimes=measure&stop=100", *(f"levels={at}+%25" for at in LEVELS)]
)
CELLS = 49


def known(page: object) -> int:
    """Return how many cells the page says are known."""
    shown = page.get_by_text(re.compile(rf"^{CELLS} cells, \d+ known")).inner_text()
    return int(re.search(r", (\d+) known", shown)[1])


def test_a_sweep_survives_a_reload_stops_on_cancel_and_goes_on(
    page: object, server: str
) -> None:
    page.goto(f"{server}/{ASKED}")
    start = page.get_by_role("button", name="Start", exact=True)
    start.wait_for()
    settled(page)
    assert known(page) == 0
    start.click()
    page.get_by_text(re.compile(rf"^{CELLS} cells, [1-9]\d* known")).wait_for()
    assert "sweep=" in page.url

    # A reload is a new session; the address leads it back to the running job.
    page.reload()
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    cancel.wait_for()
    cancel.click()
    page.get_by_text("Cancelled. What was known by then is kept.").wait_for()
    settled(page)
    kept = known(page)
    assert 1 <= kept < CELLS
    assert page.get_by_text("What magnitude costs, layer by layer").count() == 1

    page.get_by_role("button", name="Continue", exact=True).click()
    more = "|".join(str(cells) for cells in range(kept + 1, CELLS + 1))
    page.get_by_text(re.compile(rf"^{CELLS} cells, ({more}) known")).wait_for()
    cancel.click()
    page.get_by_text("Cancelled. What was known by then is kept.").wait_for()
    assert known(page) > kept
