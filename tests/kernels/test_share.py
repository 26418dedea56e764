"""Shares of threads: the C program beside this file."""

from pathlib import Path

from tests.kernels.harness import run_harness


def test_shares_end_between_cache_lines(tmp_path: Path) -> None:
    run_harness("share_harness", tmp_path)
