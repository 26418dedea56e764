"""The house rules of design: who may import whom, and how long a file may be."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "workbench"
# Bottom to top: a package imports only from those before it.
ORDER = (
    "errors",
    "kernels",
    "engine",
    "capture",
    "models",
    "data",
    "pruning",
    "compression",
    "analysis",
    "training",
    "measure",
    "export",
    "store",
    "jobs",
    "cli",
    "ui",
)
# Heavy or optional libraries and the only packages that may import them.
RESERVED = {
    "streamlit": {"ui"},
    "plotly": {"ui"},
    "altair": {"ui"},
    "typer": {"cli"},
    "torch": set(ORDER) - {"errors", "kernels", "engine"},
}
LINE_LIMIT = 400

pytestmark = pytest.mark.smoke


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    """Return every dotted module name that a file imports, at any depth."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write it in full"
            assert node.module is not None
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def violations(path: Path) -> list[str]:
    here = package_of(path)
    if here in ("__init__", "__main__"):
        return []
    found = []
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "workbench" and len(parts) > 1:
            other = parts[1]
            if other not in ORDER:
                continue  # a name of the public API, e.g. workbench.__version__
            if ORDER.index(other) > ORDER.index(here):
                found.append(f"{here} imports {name}, which stands above it")
        elif parts[0] in RESERVED and here not in RESERVED[parts[0]]:
            found.append(f"{here} imports {name}")
    return found


def test_every_package_is_in_the_order() -> None:
    on_disk = {package_of(path) for path in sources()} - {"__init__", "__main__"}
    assert on_disk <= set(ORDER), on_disk - set(ORDER)


def test_packages_import_only_from_below() -> None:
    found = {str(path.relative_to(ROOT)): violations(path) for path in sources()}
    assert {name: rows for name, rows in found.items() if rows} == {}


def test_the_rule_catches_an_upward_import(tmp_path: Path) -> None:
    wrong = PACKAGE / "kernels" / "__init__.py"
    tree = ast.parse("from workbench.ui import shell\nimport torch\n")
    names = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    assert names == ["workbench.ui"]
    assert ORDER.index("ui") > ORDER.index(package_of(wrong))


def test_files_stay_short() -> None:
    patterns = ("*.py", "*.pyx", "*.pxi", "*.c", "*.h", "*.def")
    roots = [ROOT / name for name in ("workbench", "ext", "tests", "sample_models")]
    files = [p for root in roots for pattern in patterns for p in root.rglob(pattern)]
    long = {
        str(path.relative_to(ROOT)): count
        for path in files
        if path.name != "_native.c"
        and (count := len(path.read_text().splitlines())) > LINE_LIMIT
    }
    assert long == {}
