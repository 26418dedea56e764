"""Folders of ext/: who may include whom, and names that tell objects apart."""

import re

import pytest

from tests.support import ROOT

EXT = ROOT / "ext"
C_FILES = sorted(p for p in EXT.rglob("*") if p.suffix in (".c", ".h", ".inc"))

# A folder includes itself and what is named here.
BELOW = {
    "core": (),
    "simd": ("core",),
    "emit": ("core",),
    "kernels/conv_gathered": ("core", "simd", "kernels/conv_sparse"),
    "kernels/conv_lanes": ("core", "simd", "kernels/conv_dense"),
    "kernels/products": ("core", "simd", "kernels/views"),
}
FAMILY = ("core", "simd")


def strangers(path: str, text: str) -> list[str]:
    """Return the includes of a file of ext/ that its folder may not have."""
    folder = path.rpartition("/")[0]
    allowed = {folder, *BELOW.get(folder, FAMILY)}
    found = re.findall(r'^\s*#\s*include "([^"]+)"', text, flags=re.MULTILINE)
    return [name for name in found if name.rpartition("/")[0] not in allowed]


def test_includes_run_one_way_and_are_written_from_ext() -> None:
    wrong = {
        name: strangers(name, path.read_text())
        for path in C_FILES
        if strangers(name := path.relative_to(EXT).as_posix(), path.read_text())
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("path", "include", "expected"),
    [
        ("core/team.c", "simd/simd.h", ["simd/simd.h"]),
        ("kernels/pool/pool.c", "kernels/linear/linear.h", ["kernels/linear/linear.h"]),
        ("kernels/pool/pool.c", "pool.h", ["pool.h"]),
        ("kernels/pool/pool.c", "simd/rows.h", []),
        ("kernels/conv_lanes/conv_lanes.h", "kernels/conv_dense/dense_tiles.h", []),
    ],
)
def test_the_rule_catches_what_it_forbids(
    path: str, include: str, expected: list[str]
) -> None:
    assert strangers(path, f'#include <math.h>\n#include "{include}"\n') == expected


def test_sources_have_names_of_their_own() -> None:
    names = [path.name for path in EXT.rglob("*.c") if path.name != "_native.c"]
    assert sorted(names) == sorted(set(names))


def test_every_source_is_built() -> None:
    listed = set(re.findall(r'"([\w/]+\.c)"', (EXT.parent / "setup.py").read_text()))
    assert listed == {
        p.relative_to(EXT).as_posix() for p in C_FILES if p.suffix == ".c"
    }
