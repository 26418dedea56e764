"""What tests of several packages share: networks, data, the root of the tree."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "workbench"
