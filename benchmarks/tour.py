"""The pictures of docs/tour, taken of the real app in both themes.

    python -m benchmarks.tour [--only prune,learn-zeros] [--width 1280]

Starts the app in a workspace of its own, goes through every page and lesson as a
visitor would (what it shows was measured on the way), writes one compressed picture a
view and theme, and the index that says what each one shows.
"""

import argparse
import io
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.app_server import ROOT, WAIT_MS, chromium, content_height, served, still
from benchmarks.tour_stops import STOPS, Stop

OUT = ROOT / "docs" / "tour"
SCHEMES = ("light", "dark")
HEIGHT = 800
MOST_PX = 3200
ABOVE_PX = 16
COLOURS = 192


def main() -> None:
    """Start the app, take every picture, write the index."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names of stops, comma-separated")
    parser.add_argument("--schemes", default=",".join(SCHEMES))
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--workspace", type=Path, help="keep measurements in a folder")
    asked = parser.parse_args()
    names = {name for name in asked.only.split(",") if name}
    unknown = names - {stop.name for stop in STOPS}
    if unknown:
        parser.error(f"unknown stops: {', '.join(sorted(unknown))}")
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        workspace = asked.workspace or Path(folder)
        missed: list[str] = []
        with served(workspace) as (_, address), chromium() as browser:
            for scheme in asked.schemes.split(","):
                context = browser.new_context(
                    viewport={"width": asked.width, "height": HEIGHT},
                    color_scheme=scheme,
                )
                tab = context.new_page()
                tab.set_default_timeout(WAIT_MS)
                missed += walk(tab, address, names, asked.out / f"{{}}-{scheme}.png")
                context.close()
    if asked.out == OUT:
        (OUT / "README.md").write_text(index(STOPS), encoding="utf-8")
    if missed:
        raise SystemExit("no picture of " + ", ".join(missed))


def walk(tab: Any, address: str, names: set[str], path: Path) -> list[str]:
    """Photograph stop after stop in one session; return those that failed."""
    from playwright.sync_api import Error

    missed = []
    tab.goto(address)
    still(tab)
    session = any(stop.name in names and not stop.apart for stop in STOPS)
    for stop in STOPS:
        if names and not (stop.name in names or (stop.always and session)):
            continue
        began = time.monotonic()
        file = Path(str(path).format(stop.name))
        try:
            stop.reach(tab, address)
            still(tab)
            if names and stop.name not in names:
                continue
            file.write_bytes(compressed(picture(tab, stop.below)))
        except Error as error:
            print(f"{file.name}: {str(error).splitlines()[0]}", flush=True)
            missed.append(file.name)
            continue
        took = time.monotonic() - began
        print(f"{file.name}: {file.stat().st_size / 1e3:.0f} kB, {took:.1f} s")
    return missed


def picture(tab: Any, below: str) -> bytes:
    """Return the page, or what is below a tab, as PNG; nothing has focus on it."""
    if tab.locator("[data-testid='stException']").count():
        raise SystemExit(f"the page raised: {tab.url}")
    width = tab.viewport_size["width"]
    tab.mouse.move(0, 0)
    tab.evaluate("document.activeElement && document.activeElement.blur()")
    height = min(max(content_height(tab), HEIGHT), MOST_PX)
    tab.set_viewport_size({"width": width, "height": height})
    still(tab)
    tab.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    top = 0.0
    if below:
        box = tab.get_by_role("tab", name=below, exact=True).bounding_box()
        top = max(box["y"] - ABOVE_PX, 0.0)
    shot = tab.screenshot(
        animations="disabled",
        caret="hide",
        clip={"x": 0, "y": top, "width": width, "height": height - top},
    )
    tab.set_viewport_size({"width": width, "height": HEIGHT})
    return bytes(shot)


def compressed(png: bytes) -> bytes:
    """Return a picture with a palette of its own: a third of the bytes."""
    from PIL import Image

    image = Image.open(io.BytesIO(png)).convert("RGB")
    small = image.quantize(COLOURS, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    small.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def index(stops: Sequence[Stop]) -> str:
    """Return the page that pairs every picture that was taken with a sentence."""
    lines = [
        "# A tour in pictures",
        "",
        "Every page and every lesson, light and dark, as the app draws them at 1,280",
        "pixels. All figures in them were measured by the script that took them,",
        "`python -m benchmarks.tour`, on a machine that was busy with other work too:",
        "look at the pages here and for speed at the tables of the main README.",
    ]
    for stop in stops:
        names = {one: f"{stop.name}-{one}.png" for one in SCHEMES}
        taken = {one: name for one, name in names.items() if (OUT / name).exists()}
        if taken:
            lines += ["", f"## {stop.title}", "", stop.says, ""]
            lines += [f"![{stop.title}, {one}]({name})" for one, name in taken.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
