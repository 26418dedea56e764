"""The answers of the zoo: written line by line, read again, counted and explained."""

from pathlib import Path

from benchmarks.zoo_checks import Answer
from benchmarks.zoo_table import append, markdown, read


def test_the_newest_answer_counts(tmp_path: Path) -> None:
    path = tmp_path / "zoo.csv"
    append(path, "resnet18", [Answer("captured", False, "-", "Odd, it said\n")])
    append(path, "resnet18", [Answer("captured", True, "70 nodes")])
    append(path, "yolo", [Answer("captured", True, "9 nodes")])
    answers = read(path)
    assert answers.lines == 3
    assert answers.of("resnet18") == {"captured": Answer("captured", True, "70 nodes")}
    assert answers.of("resnet18", since=2) == {}
    assert read(tmp_path / "none.csv").lines == 0


def test_the_table_counts_and_explains(tmp_path: Path) -> None:
    path = tmp_path / "zoo.csv"
    append(path, "resnet18", [Answer("equal", True, "4e-06")])
    append(path, "resnet18", [Answer("shrunk", True, "-50 %")])
    append(path, "resnet18", [Answer("dense", True, "2", "1.9-2.1")])
    append(path, "resnet18", [Answer("runtime", True, "3", "2.9-3.1")])
    append(path, "vit_tiny_patch16_224", [Answer("shrunk", False, "-", "no filters")])
    append(path, "yolo", [Answer("equal", False, "2e-03")])
    names = ["resnet18", "vit_tiny_patch16_224", "yolo", "unet"]
    lines = markdown(read(path), names).splitlines()
    row = next(line for line in lines if line.startswith("| resnet18"))
    assert row == "| resnet18 |  | 4e-06 | -50 % |  |  |  |  | 2 |  | 3 | 1.50 |"
    assert not any(line.startswith("| unet") for line in lines)
    assert "equal 1 of 2, shrunk 1 of 2, shrunk among CNNs 1 of 1" in lines
    assert "* equal: 2e-03 apart [yolo]" in lines
    assert "* shrunk: no filters [vit_tiny_patch16_224]" in lines
