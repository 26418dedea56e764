"""The table against other engines: who counts as a rival, ratios, what is named."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import peer_table
from benchmarks.peer_rows import ROWS, Row, find_rows

MOBILE = "mobilenetv1-224:0.9"


def timed(name: str, median: float) -> dict[str, Any]:
    spread = {"p10_ms": median - 0.5, "p90_ms": median + 0.5, "min_ms": median - 1}
    return {"name": name, "median_ms": median, "n": 9, "refused": None, **spread}


def write(folder: Path, row: Row, rows: list[dict[str, Any]], **more: Any) -> None:
    result = {"rows": rows, "absent": [], "weights": row.weights, **more}
    peer_table.result_path(folder, row, 1).write_text(json.dumps(result))


def mobile() -> Row:
    (row,) = find_rows(MOBILE)
    return row


def test_each_floor_takes_the_fastest_of_its_rivals(tmp_path: Path) -> None:
    refused = {"name": "ncnn", "median_ms": None, "refused": "output differs"}
    names = ("workbench", "data-driven", "onnxruntime", "openvino", "deepsparse")
    medians = (2.0, 3.0, 12.0, 10.0, 4.0)
    rows = [timed(*pair) for pair in zip(names, medians, strict=True)]
    write(tmp_path, mobile(), [*rows, refused], left_out={"tvm": "untuned"})
    found = [
        one
        for one in peer_table.verdicts(tmp_path, (1,))
        if (one["network"], one["weights"]) == ("mobilenetv1-224", "0.9")
    ]
    # Dense engines: openvino 10 / 2; all: deepsparse 4 / 2, and 4 / 3 without code.
    assert [(one["rival"], one["ratio"], one["reached"]) for one in found] == [
        ("openvino", 5.0, True),
        ("deepsparse", 2.0, True),
        ("deepsparse", pytest.approx(4 / 3), True),
    ]
    text = peer_table.markdown(tmp_path, (1,))
    line = next(one for one in text.splitlines() if "deepsparse" in one)
    assert "2 (1.5-2.5), 9" in line
    assert "| 4 (3) | 2.00 | 1.6 | yes |" in line
    assert "ncnn: output differs [mobilenetv1-224:0.9 (1)]" in text
    assert "tvm: untuned" in text


def test_on_dense_weights_every_engine_is_dense(tmp_path: Path) -> None:
    dense = replace(mobile(), weights="dense")
    write(tmp_path, dense, [timed("workbench", 4.0), timed("deepsparse", 3.0)])
    found = peer_table.verdicts(tmp_path, (1,))[0]
    assert (found["rival"], found["ratio"], found["reached"]) == (
        "deepsparse", 0.75, False,
    )  # fmt: skip
    assert "**no**" in peer_table.markdown(tmp_path, (1,))


def test_what_was_not_measured_or_crashed_is_said(tmp_path: Path) -> None:
    write(tmp_path, mobile(), [], problem="mnn ended the process with code -11")
    problems = {one["problem"] for one in peer_table.verdicts(tmp_path, (1,))}
    assert problems == {"not measured", "mnn ended the process with code -11"}


def test_rows_are_selected_by_key_or_network() -> None:
    assert [row.key for row in find_rows("resnet20,resnet50-224:0.9")] == [
        "resnet50-224:0.9", "resnet20-cifar10:dense", "resnet20-cifar10:0.8",
    ]  # fmt: skip
    assert find_rows("") == list(ROWS)
