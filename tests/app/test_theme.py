"""The theme: readable in light and dark, and apart for colour-blind eyes."""

import tomllib
from itertools import combinations

import numpy as np
import pytest

from tests.support import ROOT

CONFIG = ROOT / ".streamlit" / "config.toml"
# WCAG 2.1 AA: text 4.5, graphics 3.
TEXT_CONTRAST = 4.5
GRAPHIC_CONTRAST = 3.0
# CIE76 distance that two bars side by side need to be told apart at a glance.
APART = 20.0
# Machado et al. 2009, "A physiologically-based model for simulation of color vision
# deficiency", severity 1.0, on linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def theme(kind: str) -> dict:
    return tomllib.loads(CONFIG.read_text())["theme"][kind]


def linear(colour: str) -> np.ndarray:
    value = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    weights = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted((weights @ linear(one), weights @ linear(other)))
    return float((high + 0.05) / (low + 0.05))


def lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    xyz = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", ["light", "dark"])
def test_text_is_readable_on_both_surfaces(kind: str) -> None:
    colours = theme(kind)
    for surface in ("backgroundColor", "secondaryBackgroundColor"):
        for text in ("textColor", "linkColor"):
            assert contrast(colours[text], colours[surface]) >= TEXT_CONTRAST


@pytest.mark.parametrize("kind", ["light", "dark"])
def test_chart_colours_stand_out_from_the_page(kind: str) -> None:
    colours = theme(kind)
    found = {
        colour: contrast(colour, colours["backgroundColor"])
        for colour in colours["chartCategoricalColors"]
    }
    assert min(found.values()) >= GRAPHIC_CONTRAST, found


@pytest.mark.parametrize("kind", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_the_three_contenders_are_told_apart_by_everyone(kind: str, sight: str) -> None:
    blue, orange, *_, grey = theme(kind)["chartCategoricalColors"]
    seen = {name: lab(SIGHTS[sight] @ linear(name)) for name in (blue, orange, grey)}
    for one, other in combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) >= APART, (one, other)


@pytest.mark.parametrize("kind", ["light", "dark"])
def test_the_weight_scale_is_symmetric_about_zero(kind: str) -> None:
    scale = theme(kind)["chartDivergingColors"]
    assert len(scale) == 10
    lightness = [float(lab(linear(colour))[0]) for colour in scale]
    middle = lightness[4], lightness[5]
    for step in range(5):
        assert abs(lightness[4 - step] - lightness[5 + step]) < 12
    ends = lightness[0] + lightness[9]
    assert ends < sum(middle) if kind == "light" else ends > sum(middle)
