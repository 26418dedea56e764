"""Links, page switches, reload and the browser's back, in a real browser."""

import re

import pytest

import workbench as wb
from tests.browser.conftest import settled
from workbench.ui.services import recipes

pytestmark = pytest.mark.browser
DENSE = "Nothing is removed yet."


def removes(share: int) -> re.Pattern[str]:
    return re.compile(rf"Preview: {share}[.\d]*\s")


def to(page: object, name: str) -> None:
    page.get_by_role("link", name=name).first.click()


def press(page: object, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def link(server: str, page: str, method: str, sparsity: float) -> str:
    made = wb.Recipe.uniform(method, sparsity)
    text = recipes.packed(made.model_copy(update={"model": "minivgg-mnist5k"}))
    return f"{server}/{page}?recipe={text}"


def test_a_recipe_survives_reload_page_switch_and_back(
    page: object, server: str
) -> None:
    page.goto(f"{server}/prune")
    page.get_by_text(DENSE).wait_for()
    settled(page)
    press(page, "Magnitude 80 %")
    page.get_by_text(removes(79)).wait_for()
    settled(page)
    page.reload()
    page.get_by_text(removes(79)).wait_for()
    settled(page)
    to(page, "Kernels")
    page.locator("canvas#view").wait_for()
    settled(page)
    assert page.get_by_text("This layer is not pruned").count() == 0
    assert "recipe=" in page.url
    to(page, "Prune")
    page.get_by_text(removes(79)).wait_for()
    settled(page)
    press(page, "Patterns")
    page.get_by_text(removes(55)).wait_for()
    settled(page)

    # One press of "back" a recipe, and the slider stands where the recipe does.
    page.go_back()
    page.get_by_text(removes(79)).wait_for()
    settled(page)
    assert page.get_by_role("slider", name="Sparsity").input_value() == "80"
    page.go_forward()
    page.get_by_text(removes(55)).wait_for()
    settled(page)
    page.get_by_role("button", name="Undo").click()
    page.get_by_text(removes(79)).wait_for()
    settled(page)


def test_a_second_link_shows_its_own_recipe_and_undo_empties_it(
    page: object, server: str
) -> None:
    page.goto(link(server, "kernels", "magnitude", 0.8))
    page.locator("canvas#view").wait_for()
    settled(page)
    page.goto(link(server, "prune", "kernel", 0.4))
    page.get_by_text(removes(39)).or_(page.get_by_text(removes(40))).wait_for()
    settled(page)
    page.get_by_role("button", name="Undo").click()
    page.get_by_text(DENSE).wait_for()
    settled(page)
    assert "recipe=" not in page.url


def test_a_damaged_link_says_so(page: object, server: str) -> None:
    page.goto(f"{server}/prune?recipe=AAAA")
    page.get_by_text("a recipe in the address that cannot be read").wait_for()
    page.get_by_text(DENSE).wait_for()
    settled(page)
