"""Live numbers under the slider: same answers as the careful way, links, limits."""

import pytest
import torch
from streamlit.testing.v1 import AppTest

import workbench as wb
from tests.app.conftest import open_page, texts
from workbench.models.network import Network
from workbench.ui.services import live, recipes, settled
from workbench.ui.services.presets import PRESETS

# float32 against float32 through other kernels, on scores of size 10.
CLOSE = 1e-4


@pytest.fixture(scope="module")
def lenet() -> Network:
    return wb.load_model("lenet5-mnist5k")


@pytest.mark.parametrize("preset", PRESETS)
def test_the_headline_of_every_preset_is_the_accuracy_one_would_get(
    preset: str,
) -> None:
    dense = wb.load_model("minivgg-mnist5k")
    pruned = wb.prune(dense, PRESETS[preset].recipe(dense.name, 0))
    used = settled.settle(pruned, wb.dataset_for(dense, split="train"), 0)
    images = wb.dataset_for(dense, split="test").take(300)
    found = live.live(dense, pruned, used, images)
    assert used.kept
    assert found.raw is not None
    assert found.pruned.accuracy is not None
    assert found.raw.top1 < 0.4
    assert found.pruned.accuracy.top1 > 0.93
    # The engine's answers are torch's, raw and re-estimated.
    for network, answered in ((pruned, found.raw), (used.network, found.pruned)):
        mine = getattr(answered, "accuracy", answered)
        wanted = wb.evaluate(network, images)
        assert mine.n == 300
        assert mine.top1 == pytest.approx(wanted.top1, abs=1 / 300)
        assert mine.loss == pytest.approx(wanted.loss, abs=CLOSE)
    # What is used has the recipe's zeros and weights.
    layer = dense.layers[3].id
    assert torch.equal(
        used.network.module.get_parameter(f"{layer}.weight"),
        pruned.module.get_parameter(f"{layer}.weight"),
    )


def test_live_accuracy_is_that_of_the_same_images(lenet: Network) -> None:
    pruned = wb.prune(lenet, wb.Recipe.uniform("magnitude", 0.8))
    images = wb.dataset_for(lenet, split="test").take(1000)
    used = settled.settle(pruned, wb.dataset_for(lenet, split="train"), 0)
    found = live.live(lenet, pruned, used, images)
    assert (used.kept, used.why) == (False, "the network has no batch norms")
    assert found.raw is None
    assert found.pruned.accuracy is not None
    assert found.pruned.accuracy.n == 500
    wanted = wb.evaluate(pruned, images.take(500))
    assert found.pruned.accuracy.top1 == pytest.approx(wanted.top1, abs=1 / 500)
    assert found.pruned.time.n == found.dense.time.n >= live.LEAST_ROUNDS


def test_only_small_networks_follow_the_slider(lenet: Network) -> None:
    assert settled.follows(lenet)
    residual = wb.load_model("resnet20-cifar10")
    assert settled.follows(residual)
    # 40.6 M MACs an image against 2.3 M.
    assert live.count_of(residual, 1000) == 300
    assert live.count_of(lenet, 1000) == 500
    assert live.count_of(lenet, 80) == 80


def test_the_slider_shows_accuracy_and_time_at_once(app: AppTest) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    open_page(app, "prune")
    assert "accuracy and time follow at once" in texts(app)
    app.slider(key="sparsity").set_value(80).run()
    assert not app.exception
    tiles = {tile.label: tile for tile in app.metric}
    assert float(tiles["Top-1, raw"].value.split("\u00a0")[0]) > 90
    assert "; dense 9" in texts(app)
    assert "raw: the network has no batch norms" in texts(app)
    assert tiles["Time of one image"].value.endswith("ms")
    assert tiles["Answered in"].value.endswith("\u00a0s")


def test_a_preset_moves_the_slider_and_zero_clears(app: AppTest) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    assert app.slider(key="sparsity").value == 80
    app.slider(key="sparsity").set_value(0).run()
    assert "accuracy and time follow at once" in texts(app)


def test_a_link_brings_its_recipe(app: AppTest) -> None:
    recipe = wb.Recipe.uniform("kernel", 0.4).model_copy(
        update={"model": "minivgg-mnist5k"}
    )
    app.query_params["recipe"] = recipes.packed(recipe)
    open_page(app, "prune")
    table = app.dataframe[0].value
    assert set(table["method"]) == {"none", "kernel"}
    assert table["removed"].max() == pytest.approx(40, abs=1)


@pytest.mark.parametrize("text", ["", "!", "eJwDAAAAAAE=", "AAAA", "é"])
def test_a_broken_recipe_in_a_link_is_ignored(text: str) -> None:
    assert recipes.unpacked(text) is None


def test_a_recipe_survives_its_link() -> None:
    recipe = wb.Recipe.uniform("block", 0.75)
    assert recipes.unpacked(recipes.packed(recipe)) == recipe
