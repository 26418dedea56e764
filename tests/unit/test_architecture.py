"""The house rules of design: who may import whom, and how long a file may be."""

import ast
from pathlib import Path

import pytest

from tests.support import PACKAGE, ROOT

# Bottom to top: a package imports only from those before it.
ORDER = (
    "errors",
    "extras",
    "callable_package",
    "owner",
    "reading",
    "writing",
    "kernels",
    "engine",
    "capture",
    "models",
    "data",
    "pruning",
    "compression",
    "analysis",
    "measure",
    "defect",
    "jobs",
    "training",
    "export",
    "store",
    "workflows",
    "cli",
    "ui",
)
# Heavy or optional libraries and the only packages that may import them.
RESERVED = {
    "streamlit": {"ui"},
    "plotly": {"ui"},
    "altair": {"ui"},
    "typer": {"cli"},
    # All from the models upwards.
    "torch": set(ORDER[ORDER.index("capture") :]),
}
LINE_LIMIT = 400

pytestmark = pytest.mark.smoke


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(source: str) -> list[str]:
    """Return every dotted module name that a source imports, at any depth."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (f"{node.module}." if node.module else "")
            names += [origin + alias.name for alias in node.names]
    return names


def violations(here: str, source: str) -> list[str]:
    """Return what a file of package `here` imports against the rule."""
    found = []
    for name in imports(source):
        parts = name.split(".")
        if name.startswith("."):
            found.append(f"{here} imports {name} relatively")
        elif parts[0] == "workbench" and len(parts) > 1 and parts[1] in ORDER:
            if ORDER.index(parts[1]) > ORDER.index(here):
                found.append(f"{here} imports {name}, which stands above it")
        elif parts[0] in RESERVED and here not in RESERVED[parts[0]]:
            found.append(f"{here} imports {name}")
    return found


def test_every_package_is_in_the_order() -> None:
    on_disk = {package_of(path) for path in sources()} - {"__init__", "__main__"}
    assert on_disk <= set(ORDER), on_disk - set(ORDER)


def test_packages_import_only_from_below() -> None:
    found = {
        str(path.relative_to(ROOT)): violations(package_of(path), path.read_text())
        for path in sources()
        if package_of(path) not in ("__init__", "__main__")
    }
    assert {name: rows for name, rows in found.items() if rows} == {}


def test_the_rule_catches_what_it_forbids() -> None:
    source = "import torch\nfrom workbench.ui import shell\nfrom . import graph\n"
    assert violations("engine", source) == [
        "engine imports torch",
        "engine imports workbench.ui.shell, which stands above it",
        "engine imports .graph relatively",
    ]


def test_files_stay_short() -> None:
    patterns = ("*.py", "*.pyx", "*.pxi", "*.pxd", "*.c", "*.h", "*.inc", "*.def")
    roots = [ROOT / name for name in ("workbench", "ext", "tests", "sample_models")]
    files = [p for root in roots for pattern in patterns for p in root.rglob(pattern)]
    long = {
        str(path.relative_to(ROOT)): count
        for path in files
        if path.name != "_native.c"
        and (count := len(path.read_text().splitlines())) > LINE_LIMIT
    }
    assert long == {}
