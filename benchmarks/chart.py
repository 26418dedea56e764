"""The README's chart: how many times faster pruned networks run than in any rival.

    python -m benchmarks.chart

Reads the floors of docs/measured/peers-xeon-avx512.md, so that the picture cannot say
anything else, and writes chart-light.svg and chart-dark.svg beside it.
"""

import re
from pathlib import Path

import altair as alt
import pandas as pd

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "measured"
TABLE = FOLDER / "peers-xeon-avx512.md"
LOOKS = {"light": ("#1f2328", "#0b62d6"), "dark": ("#e6edf3", "#58a6ff")}
TITLES = {
    "mobilenetv1-224 0.9": "MobileNetV1, 90 % zeros",
    "resnet50-224 0.9": "ResNet-50, 90 % zeros",
    "vgg16-224-convs 0.9": "VGG-16 convolutions, 90 % zeros",
    "vgg16-224-convs pconv": "VGG-16 convolutions, PCONV",
    "resnet20-cifar10 0.8": "ResNet-20, 80 % zeros",
    "vgg16-cifar10 0.9": "VGG-16 CIFAR, 90 % zeros",
}
RATIO = re.compile(r"^\| (?P<row>[^|]+?) \| 1 \|.*best of all: (?P<rival>\w+) \|"
                   r"[^|]+\| (?P<ratio>[\d.]+) \|", re.MULTILINE)  # fmt: skip


def rows() -> pd.DataFrame:
    """Return network, best rival and ratio of the rows with one thread."""
    found = [
        {
            "network": TITLES[hit["row"]],
            "rival": hit["rival"],
            "ratio": float(hit["ratio"]),
        }
        for hit in RATIO.finditer(TABLE.read_text(encoding="utf-8"))
        if hit["row"] in TITLES
    ]
    if len(found) != len(TITLES):
        raise SystemExit(f"{TABLE.name} has {len(found)} of {len(TITLES)} rows")
    return pd.DataFrame(found)


def chart(frame: pd.DataFrame, ink: str, ours: str) -> alt.LayerChart:
    """Return bars from 0, with the rival at 1 as a rule."""
    order = list(TITLES.values())
    base = alt.Chart(frame).encode(
        alt.Y("network:N", sort=order, title=None),
        alt.X("ratio:Q", title="times as fast as the best other fp32 engine"),
    )
    bars = base.mark_bar(color=ours, height=14)
    words = base.transform_calculate(
        shown='format(datum.ratio, ".2f") + " x " + datum.rival'
    ).mark_text(align="left", dx=4, color=ink)
    one = alt.Chart(pd.DataFrame({"x": [1]})).mark_rule(color=ink).encode(x="x:Q")
    return (
        (bars + one + words.encode(text="told:N"))
        .properties(width=420, height=150, background="transparent")
        .configure_axis(labelColor=ink, titleColor=ink, grid=False, labelLimit=300)
        .configure_view(stroke=None)
    )


def main() -> None:
    """Write both pictures."""
    frame = rows()
    for look, (ink, ours) in LOOKS.items():
        chart(frame, ink, ours).save(FOLDER / f"chart-{look}.svg")


if __name__ == "__main__":
    main()
