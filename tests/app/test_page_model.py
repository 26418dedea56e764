"""The page Model: first start, selection, accuracy, predictions."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import TIMEOUT_S, open_page, texts
from workbench.jobs.registry import registry


def test_first_start_shows_the_sample_with_its_accuracy(app: AppTest) -> None:
    open_page(app, "model")
    assert app.header[0].value == "minivgg-mnist5k"
    tiles = {tile.label: tile for tile in app.metric}
    shown = float(tiles["Top-1 accuracy"].value.split("\u00a0")[0])
    assert shown >= 97.0
    assert "–99.4\u00a0%, n = 1\u202f000" in texts(app)
    assert tiles["Weights"].value == "287\u00a0k"
    assert tiles["Dense MACs"].value == "29.1\u00a0M"


def test_the_layer_table_lists_every_layer_with_its_share(app: AppTest) -> None:
    open_page(app, "model")
    table = app.dataframe[0].value
    assert list(table["layer"])[:2] == ["features.0", "features.3"]
    assert len(table) == 7
    # Percent, as the column says.
    assert abs(table["share"].sum() - 100) < 1e-9
    # 32 filters x 32 channels x 3 x 3 on 28 x 28 pixels.
    assert table["dense_macs"][1] == pytest.approx(32 * 32 * 9 * 28 * 28 / 1e6)


def test_a_row_and_the_select_box_choose_the_same_layer(app: AppTest) -> None:
    open_page(app, "model")
    assert app.selectbox(key="layer").value == "features.3"
    app.selectbox(key="layer").select("features.10").run()
    chosen = app.session_state["layer-table"]["selection"]["rows"]
    assert chosen == [3]
    assert not app.exception


def test_predictions_come_with_pictures_and_probabilities(app: AppTest) -> None:
    open_page(app, "model")
    assert len(app.image) == 8
    assert texts(app).count(":material/check:") >= 6


def test_a_link_restores_model_layer_and_seed(app: AppTest) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    app.query_params["layer"] = "fc1"
    app.query_params["seed"] = "5"
    open_page(app, "model")
    assert app.header[0].value == "lenet5-mnist5k"
    assert app.selectbox(key="layer").value == "fc1"
    assert app.number_input(key="seed").value == 5


def test_another_model_resets_the_layer_that_it_does_not_have(app: AppTest) -> None:
    open_page(app, "model")
    app.selectbox(key="layer").select("features.17").run()
    app.selectbox(key="model").select("lenet5-mnist5k").run()
    assert not app.exception
    assert app.selectbox(key="layer").value == "conv2"


def test_a_speed_sample_says_why_it_has_no_accuracy(app: AppTest) -> None:
    app.query_params["model"] = "mobilenetv1-224"
    open_page(app, "model")
    assert "weights from a seed and no dataset" in texts(app)
    assert {tile.value for tile in app.metric if "Top-1" in tile.label} == {"no data"}


def test_one_click_measures_every_layer_into_the_table(app: AppTest) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    open_page(app, "model")
    assert "ms" not in app.dataframe[0].value
    next(one for one in app.button if one.label == "Measure every layer").click().run()
    view = registry().jobs()[0].wait(TIMEOUT_S)
    assert view.state == "done", view.error
    app.run()
    assert not app.exception
    table = app.dataframe[0].value
    assert (table["ms"] > 0).all()
    assert 30 < table["time_share"].sum() <= 100


def test_the_work_is_shown_block_by_block_on_demand(app: AppTest) -> None:
    app.query_params["work_as"] = "block by block"
    open_page(app, "model")
    assert not app.get("vega_lite_chart")
    (boxes,) = app.get("plotly_chart")
    assert "features.17" in boxes.proto.spec
    app.segmented_control(key="work_as").set_value("layer by layer").run()
    assert len(app.get("vega_lite_chart")) == 1
    assert not app.get("plotly_chart")


def test_the_architecture_names_every_layer_and_frames_the_selected_one() -> None:
    from workbench.models.loading import load_model
    from workbench.ui.services.architecture import dot

    network = load_model("resnet20-cifar10")
    shares = {layer.id: 0.05 for layer in network.layers}
    picture = dot(network, shares, "layer2.0.conv1")
    assert all(f'"{layer.id}" [label=' in picture for layer in network.layers)
    (framed,) = [line for line in picture.splitlines() if "penwidth=3" in line]
    assert framed.startswith('"layer2.0.conv1" ')
    # Nine residual blocks, each closed by an addition that reads two results.
    adds = [line.split('"')[1] for line in picture.splitlines() if "\\nadd, " in line]
    assert len(adds) == 9
    assert all(picture.count(f'-> "{name}";') == 2 for name in adds)
