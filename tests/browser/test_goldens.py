"""Pages against pictures of them, in both themes, with a tolerance.

The pictures (tests/browser/goldens) are an eighth of the screen's size: layout, colours
and charts show in them, the shapes of letters do not. `WORKBENCH_UPDATE_GOLDENS=1`
writes them anew; look at them before you commit.
"""

import io
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.app_server import still
from tests.browser.conftest import VIEWPORT, settled

pytestmark = pytest.mark.browser
GOLDENS = Path(__file__).parent / "goldens"
UPDATE = os.environ.get("WORKBENCH_UPDATE_GOLDENS", "") == "1"
SHRINK = 8
# A cell of 8 x 8 pixels differs when it is 24 of 255 off in a channel: a line of text
# that another font spaces differently stays below that, a missing chart does not.
CELL_LIMIT = 24
MOST_CELLS = 0.03
# Without the page Speed: it shows the engines that are installed.
PAGES = {
    "model": ("?model=minivgg-mnist5k", "What it answers"),
    "lesson": ("learn?lesson=winograd&seed=7", "Three questions"),
    "kernels": ("kernels?model=lenet5-mnist5k&layer=conv2&view=Weights", "Palette"),
    "prune": ("prune?model=minivgg-mnist5k", "Measured against PyTorch"),
    "sensitivity": ("sensitivity?model=minivgg-mnist5k", "End a layer"),
    "train": ("train?model=minivgg-mnist5k", "Schedule of sparsity"),
    "runs": ("runs?model=minivgg-mnist5k", "Write and verify"),
}


def small(png: bytes) -> np.ndarray:
    """Return the picture at an eighth of its size, uint8 (H, W, 3)."""
    from PIL import Image

    image = Image.open(io.BytesIO(png)).convert("RGB")
    size = (image.width // SHRINK, image.height // SHRINK)
    return np.asarray(image.resize(size, Image.Resampling.BOX))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_look_as_they_did(
    chromium: object, server: str, tmp_path: Path, scheme: str
) -> None:
    from PIL import Image

    context = chromium.new_context(viewport=VIEWPORT, color_scheme=scheme)
    context.set_default_timeout(240_000)
    tab = context.new_page()
    off = {}
    for name, (address, last) in PAGES.items():
        tab.goto(f"{server}/{address}")
        tab.get_by_text(last).first.wait_for()
        settled(tab)
        still(tab)
        seen = small(tab.screenshot(animations="disabled", caret="hide"))
        golden = GOLDENS / f"{name}-{scheme}.png"
        if UPDATE:
            GOLDENS.mkdir(exist_ok=True)
            Image.fromarray(seen).save(golden, optimize=True)
        Image.fromarray(seen).save(tmp_path / golden.name)
        expected = np.asarray(Image.open(golden).convert("RGB"))
        assert seen.shape == expected.shape
        apart = np.abs(seen.astype(int) - expected.astype(int)).max(axis=2)
        off[name] = float((apart > CELL_LIMIT).mean())
    context.close()
    wrong = {name: share for name, share in off.items() if share > MOST_CELLS}
    assert wrong == {}, f"share of cells that differ; pictures seen: {tmp_path}"
