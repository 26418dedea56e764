"""The page Kernels: mosaic, exact weights, charts of a layer."""

from streamlit.testing.v1 import AppTest

from tests.app.conftest import open_page, texts
from workbench.models.loading import load_model


def test_the_layers_mosaic_is_drawn_with_its_facts(app: AppTest) -> None:
    open_page(app, "kernels")
    assert len(app.get("bidi_component")) == 1
    assert "32 × 32 × 3 × 3" in texts(app)
    assert "**Heaviest kernel: filter " in texts(app)


def test_a_picked_kernel_shows_its_exact_weights(app: AppTest) -> None:
    network = load_model("minivgg-mnist5k")
    weight = network.module.get_parameter("features.3.weight").detach().numpy()
    open_page(app, "kernels")
    key = app.get("bidi_component")[0].key
    app.session_state[key] = {"picked": {"o": 3, "i": 5}}
    app.run()
    assert not app.exception
    assert "Kernel: filter 3, channel 5" in texts(app)
    shown = app.table[0].value.to_numpy()
    assert abs(shown - weight[3, 5]).max() == 0


def test_each_tab_draws_only_when_it_is_open(app: AppTest) -> None:
    open_page(app, "kernels")
    assert len(app.get("vega_lite_chart")) == 1
    app.session_state["view"] = "Patterns"
    app.run()
    assert not app.exception
    assert len(app.get("vega_lite_chart")) == 2
    assert "patterns" in texts(app)


def test_layers_without_3x3_kernels_say_that_patterns_do_not_apply(
    app: AppTest,
) -> None:
    app.query_params["layer"] = "classifier"
    app.query_params["view"] = "Patterns"
    open_page(app, "kernels")
    app.session_state["view"] = "Patterns"
    app.run()
    assert "patterns exist for 3 × 3 kernels" in texts(app)


def test_the_winograd_view_shows_the_fill_in_of_the_tried_sparsity(
    app: AppTest,
) -> None:
    app.query_params["layer"] = "features.10"
    app.query_params["try"] = "0"
    open_page(app, "kernels")
    app.session_state["view"] = "Winograd"
    app.run()
    assert not app.exception
    assert len(app.get("bidi_component")) == 2
    # Nothing is zero before, so nothing is zero after.
    assert "0.0\u00a0% of the weights are zero before, 0.0\u00a0% after" in texts(app)
    app.slider(key="try").set_value(90).run()
    assert "90.0\u00a0% of the weights are zero before" in texts(app)


def test_the_palette_view_counts_its_shared_values(app: AppTest) -> None:
    app.query_params["layer"] = "features.3"
    app.query_params["bits"] = "3"
    open_page(app, "kernels")
    app.session_state["view"] = "Palette"
    app.run()
    assert not app.exception
    # 9216 weights of 3 bits and 8 float32 values: 3456 + 32 bytes.
    assert "weights in 3.49\u00a0kB instead of 36.9\u00a0kB" in texts(app)
