"""Requirements at the entry of kernels: the C program beside this, and who asks."""

import re
from pathlib import Path

from tests.kernels.harness import run_harness
from tests.support import ROOT

KERNELS = ROOT / "ext" / "kernels"


def test_a_checked_build_says_which_requirement_does_not_hold(tmp_path: Path) -> None:
    assert run_harness("require_harness", tmp_path).splitlines() == [
        "sound: came back",
        "crooked arena: (uintptr_t)(arena) % WB_ALIGN == 0",
        "no such part: (0) <= (tid) && (tid) <= ((nthreads) - 1)",
        "no weights: (a->weights) != NULL && (uintptr_t)(a->weights) % "
        "__alignof__(*(a->weights)) == 0",
        "crossed bounds: (a->act).lo <= (a->act).hi",
        "upwards: a->src < 0 || a->dst <= a->src",
    ]


def test_every_family_asks() -> None:
    silent = [
        folder.name
        for folder in sorted(KERNELS.iterdir())
        if not any(re.search(r"WB_REQUIRE_STEP\(", p.read_text()) for p in code(folder))
    ]
    assert silent == []


def code(folder: Path) -> list[Path]:
    """Return the C files of a family."""
    return [p for p in sorted(folder.iterdir()) if p.suffix in (".c", ".h")]
