"""Every package of an extra is known by the module that is imported."""

import re
import sys
import tomllib

import pytest

import workbench as wb
from tests.support import ROOT
from workbench.errors import WorkbenchError
from workbench.extras import EXTRA_OF, missing_package

MODULES = {
    "huggingface-hub": "huggingface_hub",
    "pyyaml": "yaml",
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "vl-convert-python": "vl_convert",
}
NAME = re.compile(r"[a-z0-9-]+")


def project() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_table_is_what_pyproject_says() -> None:
    extras = project()["optional-dependencies"]
    found = {
        MODULES.get(name := NAME.match(line)[0], name): extra
        for extra in (
            "torch",
            "onnx",
            "cli",
            "app",
            "cluster",
            "timm",
            "torchvision",
            "hub",
        )
        for line in extras[extra]
        if not line.startswith("pruning-workbench")
    }
    assert found == EXTRA_OF


def test_every_direct_dependency_is_pinned_once() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = [line.partition("==")[0] for line in lines if "==" in line]
    assert len(pinned) == len(set(pinned))
    everything = [
        *project()["dependencies"],
        *(
            line
            for rows in project()["optional-dependencies"].values()
            for line in rows
        ),
    ]
    named = {NAME.match(line)[0] for line in everything} - {"pruning-workbench"}
    assert named <= set(pinned)


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    for name in ("recipe.plain_yaml", "recipe.recipe", "recipe.assign"):
        monkeypatch.delitem(sys.modules, f"workbench.pruning.{name}", raising=False)
    monkeypatch.delitem(sys.modules, "workbench.pruning.prune", raising=False)
    with pytest.raises(WorkbenchError) as caught:
        _ = wb.prune
    assert str(caught.value) == (
        "the package yaml is not installed; expected the extra 'torch'. "
        "Run: pip install 'pruning-workbench[torch]'"
    )


def test_other_import_errors_stay_what_they_are() -> None:
    assert missing_package(ModuleNotFoundError(name="no_such_module")) is None
    assert missing_package(ImportError("cannot import name", name="torch")) is None
