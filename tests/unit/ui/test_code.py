"""Code that people copy: a recipe written out in it is the recipe itself."""

import subprocess
from pathlib import Path
from typing import Any

import workbench as wb
from workbench.ui.services import code


def test_the_shell_lines_write_the_recipe(tmp_path: Path) -> None:
    recipe = wb.Recipe.uniform("kernel", 0.3)
    subprocess.run(
        ["sh", "-c", code.recipe_command(recipe)], cwd=tmp_path, check=True, timeout=60
    )
    assert wb.Recipe.load(tmp_path / code.FILE) == recipe


def test_the_script_prunes_as_the_page_does() -> None:
    net = wb.load_model("lenet5-mnist5k")
    recipe = wb.Recipe.uniform("magnitude", 0.7)
    names: dict[str, Any] = {}
    exec(compile(code.opening(net, recipe), "copied", "exec"), names)
    assert names["pruned"].digest == wb.prune(net, recipe).digest


def test_without_a_recipe_only_the_network_is_loaded() -> None:
    net = wb.load_model("lenet5-mnist5k")
    assert code.recipe_command(None) == ""
    assert "prune" not in code.opening(net)
