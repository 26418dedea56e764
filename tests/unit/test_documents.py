"""What the documents claim: the index of decisions, links, and the README's example."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = ROOT / "docs" / "decisions"
ROW = re.compile(
    r"^\| \[(?P<number>\d{3})\]\((?P<file>[^)]+)\) \| (?P<date>\d{4}-\d\d-\d\d) "
    r"\| (?P<area>[a-z]+) \| (?P<title>[^|]+) "
    r"\| (?:in force|superseded)[^|]* \|$",
    re.MULTILINE,
)
LINK = re.compile(r"(?:\]\(|src(?:set)?=\")(?!https?:)([^)#\"\s]+)")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README_LINES = 120


def index() -> dict[str, re.Match[str]]:
    text = (DECISIONS / "README.md").read_text(encoding="utf-8")
    return {row["file"]: row for row in ROW.finditer(text)}


def test_the_index_has_every_decision_with_its_title() -> None:
    rows = index()
    files = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
    assert sorted(rows) == files
    assert len(files) >= 50
    for name, row in rows.items():
        assert name[:3] == row["number"]
        first = (DECISIONS / name).read_text(encoding="utf-8").partition("\n")[0]
        assert first == f"# {row['number']} {row['title']}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    missing = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    assert missing == []


def test_the_readme_is_short_and_its_example_is_true() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= README_LINES
    result = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert result.attempted == 8
    assert result.failed == 0
