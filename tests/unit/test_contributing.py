"""Every path that CONTRIBUTING.md sends people to exists."""

import re

import pytest

from tests.support import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROWS = [line.split("|")[2:4] for line in TEXT.splitlines() if line.startswith("| ")]
PATHS = sorted(
    {
        path
        for cell in (cell for row in ROWS for cell in row)
        for path in re.findall(r"`((?:workbench|ext|sample_models)/[^`]+)`", cell)
    }
)


def test_the_table_was_found() -> None:
    assert len(PATHS) >= 15
    assert "workbench/export/table.py" in PATHS


@pytest.mark.parametrize("path", PATHS)
def test_a_place_to_add_something_exists(path: str) -> None:
    pattern = path.replace("NAME", "*").replace("[ch]", "c")
    assert list(ROOT.glob(pattern)), f"CONTRIBUTING.md names {path}"


def test_the_tree_names_folders_that_exist() -> None:
    tree = TEXT.partition("## The tree")[2].partition("## Adding")[0]
    named = re.findall(r"^      (?:  )?((?:[a-z]+/ *)+?)(?:  |$)", tree, re.MULTILINE)
    folders = {part.strip("/") for cell in named for part in cell.split()}
    assert {"kernels", "engine", "pruning", "store", "jobs"} <= folders
    known = {path.name for path in (ROOT / "workbench").rglob("*") if path.is_dir()}
    missing = {f for f in folders if f.rpartition("/")[2] not in known}
    assert missing == set()
