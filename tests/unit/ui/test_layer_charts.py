"""Pictures of a layer, read in parts: the numbers of the whole."""

import numpy as np
import pytest

from workbench.ui.charts import connectivity, histogram, norms, parts

RANDOM = np.random.default_rng(5)
WEIGHTS = RANDOM.normal(0, 0.1, (70, 130, 3, 3)).astype(np.float32)
MASK = np.abs(WEIGHTS) > 0.05
# Sums of 1,170 float32 numbers in another order.
CLOSE = 1e-5


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the layer into a dozen parts, the last one shorter."""
    monkeypatch.setattr(parts, "PART", WEIGHTS.size // 11)
    assert len(list(parts.parts(WEIGHTS, MASK))) == 12


def test_every_weight_is_in_one_bin() -> None:
    data = histogram.histogram_figure("c", WEIGHTS, MASK).data
    counted = data.groupby("state")["weights"].sum()
    assert counted["kept"] == MASK.sum()
    assert counted["pruned"] == MASK.size - MASK.sum()


def test_norms_are_sums_of_sizes_largest_first() -> None:
    data = norms.norms_figure("c", WEIGHTS, MASK).data.set_index("filter")
    sizes = np.abs(WEIGHTS).reshape(70, -1).astype(np.float64)
    assert data.loc[7, "before"] == pytest.approx(sizes[7].sum(), rel=CLOSE)
    kept = (sizes * MASK.reshape(70, -1))[7].sum()
    assert data.loc[7, "after"] == pytest.approx(kept, rel=CLOSE)
    assert data["before"].is_monotonic_decreasing


def test_cells_are_means_of_kernel_norms() -> None:
    mask = MASK.copy()
    mask[:, :2] = False
    figure = connectivity.connectivity_figure("c", WEIGHTS, mask)
    whole = np.sqrt(((WEIGHTS * mask).astype(np.float64) ** 2).sum(axis=(2, 3)))
    # 70 filters and 130 channels in at most 64 cells a side: blocks of 2 x 3.
    cells = figure.data.set_index(["filter", "channel"])["norm"]
    assert cells[(4, 6)] == pytest.approx(whole[4:6, 6:9].mean(), rel=CLOSE)
    assert cells[(68, 129)] == pytest.approx(whole[68:70, 129:].mean(), rel=CLOSE)
    assert "1.5\u00a0% of kernels" in figure.reading
