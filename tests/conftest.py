"""How tests are shared between processes: a file stays whole, and so do the browsers.

Fixtures of a module are made once that way, and one server and one Chromium serve all
journeys.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test the name of the group that runs in one process."""
    for item in items:
        path = item.path.relative_to(TESTS)
        group = path.parts[0] if path.parts[0] == "browser" else path.as_posix()
        item.add_marker(pytest.mark.xdist_group(group))
