"""The estimate beside “Apply and measure”: seconds that were measured once, no less."""

import re

import pytest

import workbench as wb
from workbench.ui.services import trials
from workbench.workflows.trial import TrialOrder


@pytest.mark.parametrize(
    ("name", "measured_s"), [("resnet50-224", 77), ("mobilenetv1-224", 30)]
)
def test_the_estimate_of_a_large_network_is_near_a_measured_one(
    name: str, measured_s: float
) -> None:
    recipe = wb.Recipe.uniform("magnitude", 0.8)
    order = TrialOrder(wb.load_model(name), recipe, data=None, train=None)
    (said,) = re.findall(r"About (\d+) s", trials.estimate(order))
    assert float(said) == pytest.approx(measured_s, rel=0.25)
