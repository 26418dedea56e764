"""Teacher links, bad uploads, two sessions: in a browser."""

import re
from pathlib import Path

import pytest

from tests.browser.conftest import ROOT, VIEWPORT, settled
from tests.browser.test_uploads import upload

pytestmark = pytest.mark.browser


def button(page: object, name: str) -> object:
    return page.get_by_role("button", name=name, exact=True)


def test_a_teacher_link_hides_controls_and_keeps_their_values(
    page: object, server: str
) -> None:
    page.goto(
        f"{server}/learn?lesson=spmm&seed=7&step=4"
        "&hide=model&hide=seed&hide=answers&hide=controls"
    )
    page.get_by_role("heading", name="A sparse matrix times a dense one").wait_for()
    settled(page)
    page.get_by_text("Step 4 of 10").wait_for()
    assert page.get_by_role("spinbutton", name="Seed").count() == 0
    assert page.get_by_role("slider").count() == 0
    assert page.get_by_text("NCHW: the pixels").count() == 0
    assert page.get_by_text("Why does the inner loop run over pixels").count() == 1

    # The next page keeps all of it, in the address too.
    page.get_by_role("link", name="Kernels").click()
    page.locator("canvas#view").wait_for()
    settled(page)
    assert page.get_by_role("spinbutton", name="Seed").count() == 0
    for said in ("seed=7", "hide=model", "hide=answers"):
        page.wait_for_url(re.compile(said))


@pytest.mark.parametrize("after_ms", [50, 200, 400])
def test_a_page_left_while_it_is_drawn_keeps_its_address(
    page: object, server: str, after_ms: int
) -> None:
    page.goto(f"{server}/learn?lesson=spmm&seed=7&hide=model&hide=answers")
    page.get_by_role("heading", name="A sparse matrix times a dense one").wait_for()
    page.wait_for_timeout(after_ms)
    page.get_by_role("link", name="Kernels").click()
    page.locator("canvas#view").wait_for()
    settled(page)
    for said in ("seed=7", "hide=model", "hide=answers"):
        page.wait_for_url(re.compile(said))


@pytest.mark.parametrize("kind", ["wrong shape", "truncated"])
def test_a_bad_file_is_refused_by_name_and_changes_nothing(
    page: object, server: str, tmp_path: Path, kind: str
) -> None:
    samples = ROOT / "sample_models"
    whole = (samples / "lenet5-mnist5k.safetensors").read_bytes()
    file = tmp_path / "weights.safetensors"
    file.write_bytes(whole if kind == "wrong shape" else whole[: len(whole) // 2])
    page.goto(server)
    settled(page)
    upload(page, file)
    page.get_by_text("Next step:").first.wait_for()
    assert page.get_by_role("heading", name="minivgg-mnist5k").count() == 1
    settled(page)


def test_two_sessions_keep_their_own_recipes(chromium: object, server: str) -> None:
    tabs = []
    for _ in range(2):
        context = chromium.new_context(viewport=VIEWPORT)
        context.set_default_timeout(240_000)
        tab = context.new_page()
        tab.goto(f"{server}/prune")
        button(tab, "Magnitude 80 %").wait_for()
        settled(tab)
        tabs.append(tab)
    button(tabs[0], "Magnitude 80 %").click()
    tabs[0].get_by_text(re.compile(r"Preview: \d+")).wait_for()
    tabs[1].reload()
    tabs[1].get_by_text("Nothing is removed yet.").wait_for()
    for tab in tabs:
        tab.context.close()
