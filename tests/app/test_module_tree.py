"""The tree of modules: sums of blocks, and the picture made of them."""

import pytest

from workbench.ui.charts.tree import module_tree, tree_figure

ROWS = [
    {"layer": "conv1", "dense_macs": 10, "theoretical_macs": 10},
    {"layer": "layer1.0.conv1", "dense_macs": 40, "theoretical_macs": 10},
    {"layer": "layer1.0.conv2", "dense_macs": 30, "theoretical_macs": 30},
    {"layer": "layer1.1.conv1", "dense_macs": 20, "theoretical_macs": 5},
]


def test_a_block_holds_the_sums_of_its_layers() -> None:
    tree = module_tree(ROWS).set_index("id")
    # 40 + 30 in layer1.0, 20 in layer1.1, 90 in layer1, 100 in all.
    assert tree["dense_macs"].to_dict() == {
        "": 100,
        "conv1": 10,
        "layer1": 90,
        "layer1.0": 70,
        "layer1.0.conv1": 40,
        "layer1.0.conv2": 30,
        "layer1.1": 20,
        "layer1.1.conv1": 20,
    }
    assert tree.loc["layer1.0", ["parent", "left", "layers"]].tolist() == [
        "layer1",
        40,
        2,
    ]


def test_the_picture_colours_a_box_by_the_share_that_is_by_zero() -> None:
    boxes = tree_figure(ROWS, "net").data[0]
    place = list(boxes.ids).index("layer1")
    # 45 of 90 multiply-adds are left.
    assert boxes.marker.colors[place] == pytest.approx(50)
    assert boxes.parents[place] == "net"
    assert boxes.customdata[place].startswith("50.0")
