"""`python -m tests.fuzz TARGET --seconds 300`: feed a reader and print what it did."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.fuzz.campaign import campaign, child
from tests.fuzz.targets import TARGETS, target_named


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where findings are kept")
    parser.add_argument("--replay", type=Path, help="read one kept file, unguarded")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    shown = parser.parse_args()
    if shown.replay is not None:
        print(target_named(shown.target).read(shown.replay))
        return 0
    folder = shown.folder or Path(tempfile.mkdtemp(prefix=f"fuzz-{shown.target}-"))
    limits = {"limit_s": shown.seconds, "seed": shown.seed}
    if shown.child is not None:
        child(shown.target, folder, first=shown.child, **limits)
        return 0
    found = campaign(shown.target, folder, **limits)
    print(
        f"{shown.target}: {found.inputs:,} inputs, {found.refused:,} refused, "
        f"{found.read:,} read, {found.findings.total():,} findings"
    )
    for key, count in found.findings.most_common():
        print(f"  {count:6,} {key}")
    if found.findings:
        print(f"  kept in {folder / 'findings'}")
    return 1 if found.findings else 0


if __name__ == "__main__":
    sys.exit(main())
