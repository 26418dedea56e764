"""Small values of the UI: numbers as text, undo, fields, the glossary."""

import re

import pytest

from tests.support import ROOT
from workbench.errors import WorkbenchError
from workbench.pruning.methods import METHODS
from workbench.pruning.recipe.rule import Rule
from workbench.ui import format as show
from workbench.ui.glossary import GLOSSARY, term, tip
from workbench.ui.services.fields import fields_of
from workbench.ui.services.history import LIMIT, History

UI = ROOT / "workbench" / "ui"


def test_numbers_have_one_spelling() -> None:
    assert show.short(29_130_000) == "29.1\u00a0M"
    assert show.points(-0.0123) == "\u22121.2\u00a0points"
    assert show.interval(0.98, 0.994) == "98.0–99.4\u00a0%"
    assert show.size(1_149_000) == "1.15\u00a0MB"
    assert show.millis(0.0512) == "0.0512\u00a0ms"
    assert show.ratio(1.5) == "1.50×"


def test_every_tooltip_has_an_entry_in_the_glossary() -> None:
    used = {
        name
        for file in UI.rglob("*.py")
        for name in re.findall(r"\btip\(['\"]([^'\"]+)['\"]\)", file.read_text())
    }
    assert len(used) > 10
    assert used <= set(GLOSSARY), used - set(GLOSSARY)


def test_a_tooltip_carries_the_formula() -> None:
    assert "`zeros / weights`" in tip("sparsity")
    with pytest.raises(WorkbenchError, match="no glossary entry for 'flops'"):
        term("flops")


def test_undo_and_redo_walk_through_states() -> None:
    history = History(("a",)).push("b").push("c")
    assert history.undo().undo().undo().current == "a"
    assert history.undo().redo().current == "c"
    assert history.undo().push("d").states == ("a", "b", "d")
    assert history.push("c") is history
    long = History((0,))
    for state in range(1, 2 * LIMIT):
        long = long.push(state)
    assert (len(long.states), long.current) == (LIMIT, 2 * LIMIT - 1)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_form_of_every_method_starts_with_a_valid_rule(method: str) -> None:
    fields = fields_of(method)
    rule = Rule.of("conv1", method, **{field.name: field.start for field in fields})
    assert rule.method == method
    for field in fields:
        if field.kind in ("share", "number", "integer"):
            assert field.low <= field.start <= field.high
        if field.kind == "choice":
            assert field.start in field.choices


def test_an_accuracy_axis_never_leaves_0_to_100_percent() -> None:
    from workbench.ui.charts.accuracy import Dot, accuracy_figure

    dots = [Dot("dense", 0.99, (0.98, 0.996), 1000), Dot("raw", 0.1, (0.08, 0.12), 9)]
    spec = accuracy_figure(dots).chart.to_dict()
    low, high = spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert 0 <= low < 8
    assert high == 100
