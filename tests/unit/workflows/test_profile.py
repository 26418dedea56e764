"""Times of layers on the page Model: a copy behind a layer bears its name."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from workbench.workflows.profile import times_of, total_of

if TYPE_CHECKING:
    from workbench.store.run import Run


def test_a_copy_does_not_stand_for_its_layer() -> None:
    rows = [
        {"layer": "input", "op": "load", "ms": 0.001},
        {"layer": "conv1", "op": "conv2d", "ms": 0.05},
        {"layer": "conv1", "op": "copy", "ms": 0.005},
        {"layer": "fc", "op": "linear", "ms": 0.02},
        {"layer": "fc", "op": "store", "ms": 0.0005},
    ]
    run = cast("Run", SimpleNamespace(results={"rows": rows}))
    assert times_of(run) == {"conv1": 0.05, "fc": 0.02}
    assert total_of(run) == pytest.approx(0.0765)
