"""What the documents claim: the index of decisions, links, examples, commands.

A block of `console` holds commands after `$ `, and under each what its output has.
"""

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import workbench as wb
from tests.support import ROOT
from workbench.cli.main import main

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
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
WITH_COMMANDS = [page for page in PAGES if CONSOLE.search(page.read_text("utf-8"))]


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


def index() -> dict[str, re.Match[str]]:
    text = (DECISIONS / "README.md").read_text(encoding="utf-8")
    return {row["file"]: row for row in ROW.finditer(text)}


def test_the_changelog_has_a_section_of_this_version_by_kind() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.startswith("# Changelog\n\n## Unreleased\n")
    mine = text.partition(f"\n## {wb.__version__}\n")[2].partition("\n## ")[0]
    assert re.findall(r"^### (\w+)$", mine, re.MULTILINE) == [
        "Added",
        "Changed",
        "Fixed",
    ]


def test_the_index_has_every_decision_with_its_title() -> None:
    rows = index()
    files = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
    assert sorted(rows) == files
    assert len(files) >= 50
    for name, row in rows.items():
        assert name[:3] == row["number"]
        first = (DECISIONS / name).read_text(encoding="utf-8").partition("\n")[0]
        assert first == f"# {row['number']} {row['title']}"


@pytest.mark.parametrize("page", PAGES, ids=names)
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


def test_the_walk_through_the_engine_is_true() -> None:
    page = ROOT / "docs" / "engine.md"
    result = doctest.testfile(str(page), module_relative=False)
    assert result.attempted >= 15
    assert result.failed == 0


def test_reference_pages_and_the_picture_say_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "every page says what the code says\n"


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=names)
def test_commands_run_and_print_what_the_page_shows(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "workspace"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    text = "".join(CONSOLE.findall(page.read_text(encoding="utf-8")))
    blocks = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    assert blocks
    for block in blocks:
        command, *shown = block.strip().splitlines()
        code = ended(command, monkeypatch)
        printed = "".join(capfd.readouterr())
        assert code == 0, (command, printed)
        for line in shown:
            assert line in printed, (command, line, printed)


def ended(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the exit code; `workbench` runs here, whose torch is imported already."""
    words = shlex.split(command)
    if words[0] != "workbench":
        return subprocess.run(command, shell=True, check=False).returncode
    assert not {"|", "&&", ";", ">"} & set(words), "split the block"
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)
