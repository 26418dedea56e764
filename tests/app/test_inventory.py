"""Every method, analysis and export that exists can be reached from a page."""

import ast
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import workbench
from tests.app.conftest import open_page
from workbench.export.table import FORMATS
from workbench.measure.peers.table import PEERS
from workbench.pruning.methods import METHODS

ROOT = Path(workbench.__file__).parent
# For the command line and Python alone; the page shows the same thing its own way.
ELSEWHERE = {
    "analysis.cost.equal_macs": "`prune --macs`; on the page a slider says the MACs",
    "analysis.algorithms.layouts": "the lesson on layouts draws its example",
    "analysis.algorithms.layout_times": "the lesson on layouts times its own layer",
    "analysis.algorithms.winograd_study": "page Kernels shows the fill-in of one layer",
    "analysis.output_change": "of networks without classes: a library call and `eval`",
    "compression.loading": "a .wbz is read by `verify` and `wb.load_wbz`",
    "compression.lookup": "fine-tuning of shared weights, by `compress --tune`",
    "compression.separable": "a rival of HetConv, trained by its benchmark",
    "export.verify": "`verify` looks at files; a page reads back what it writes",
    "training.keep_zeros": "zeros in a training loop of one's own: a library call",
    "training.palette": "fine-tuning of shared weights, by `compress --tune`",
}


def imported(module: str) -> set[str]:
    """Return the modules of the package that a module imports, at the top or later."""
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
            found |= {name.removeprefix("workbench.") for name in names}
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "wb"
        ):
            attr = node.attr
            package = attr in workbench._CALLABLE_PACKAGES
            found |= {f"{attr}.{attr}" if package else workbench._HOME.get(attr, "")}
    return {name for name in found if name and exists(name)}


def exists(module: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def reached(start: str) -> set[str]:
    """Return every module that the modules below a package come to import."""
    found = {
        str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")
        for path in ROOT.joinpath(start).rglob("*.py")
    }
    open_modules = list(found)
    while open_modules:
        for name in imported(open_modules.pop()):
            if name not in found:
                found.add(name)
                open_modules.append(name)
    return found


@pytest.mark.parametrize(
    "package", ["analysis", "pruning", "compression", "training", "export"]
)
def test_pages_come_to_use_every_module_that_does_something(package: str) -> None:
    modules = {
        f"{package}.{path.stem}"
        for path in ROOT.joinpath(package).glob("*.py")
        if path.stem != "__init__"
    }
    assert modules
    assert modules - reached("ui") - set(ELSEWHERE) == set()


def test_nothing_is_called_missing_that_a_page_has() -> None:
    assert set(ELSEWHERE) & reached("ui") == set()
    assert all(exists(module) for module in ELSEWHERE)


def test_every_method_is_offered_for_a_layer(app: AppTest) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    open_page(app, "prune")
    offered = [box.options for box in app.selectbox]
    wanted = list(METHODS)
    assert any(
        len(options) == len(wanted)
        and all(
            text.startswith(name) for text, name in zip(options, wanted, strict=True)
        )
        for options in offered
    )


def test_every_format_is_offered_for_export(app: AppTest) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    app.switch_page("workbench/ui/pages/runs.py").run()
    (pills,) = (one for one in app.button_group if one.key == "formats")
    offered = {str(word).partition(":")[0] for word in pills.options}
    assert offered == {one.name for one in FORMATS}


def test_every_peer_is_named_on_the_page_speed(app: AppTest) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    open_page(app, "speed")
    shown = " ".join(
        str(part)
        for kind in (app.markdown, app.caption, app.multiselect, app.button_group)
        for one in kind
        for part in (getattr(one, "value", ""), getattr(one, "options", ""))
    )
    assert [peer.name for peer in PEERS if peer.name not in shown] == []
