"""Recipes: reading, refusing by name and line, and the byte-stable round trip."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.pruning import METHODS, Finetune, Recipe, Rule
from workbench.pruning.method import MethodError
from workbench.pruning.recipe.errors import RecipeError

CANONICAL = """\
version: 1
model: resnet20-cifar10
seed: 0
layers:
  - {match: "*", method: magnitude, sparsity: 0.8}
  - {match: "conv1", method: none}
  - {match: "layer3.*", method: pattern, patterns: 8, connectivity: 0.6}
finetune: {epochs: 10, lr: 0.01, schedule: gradual}
"""


def message(text: str) -> str:
    with pytest.raises(RecipeError) as caught:
        Recipe.loads(text, source="recipe.yaml")
    return str(caught.value)


def test_the_documented_recipe_is_canonical() -> None:
    recipe = Recipe.loads(CANONICAL)
    assert recipe.model == "resnet20-cifar10"
    assert [rule.method for rule in recipe.layers] == ["magnitude", "none", "pattern"]
    assert recipe.layers[2].params.model_dump(exclude_defaults=True) == {
        "patterns": 8,
        "connectivity": 0.6,
    }
    assert recipe.finetune == Finetune(epochs=10, lr=0.01, schedule="gradual")
    assert recipe.dump() == CANONICAL


def test_spacing_and_comments_do_not_change_the_value() -> None:
    loose = """
    # my recipe
    version:   1
    layers:
      - match: "*"
        method: magnitude
        sparsity: 0.80
    """
    assert Recipe.loads(loose) == Recipe.uniform("magnitude", 0.8)
    assert hash(Recipe.loads(loose).layers[0]) == hash(
        Rule.of("*", "magnitude", sparsity=0.8)
    )


def test_unknown_key_of_a_method() -> None:
    text = "version: 1\nlayers:\n  - {match: '*', method: magnitude, sparcity: 0.8}\n"
    assert message(text) == (
        "recipe.yaml line 3: unknown key 'sparcity' for method 'magnitude'; expected "
        "one of sparsity, scope, floor, criterion. Did you mean 'sparsity'?"
    )


def test_unknown_key_on_its_own_line() -> None:
    text = """\
version: 1
layers:
  - match: "*"
    method: magnitude
    sparsity: 0.8
    block: 4
"""
    assert message(text) == (
        "recipe.yaml line 6: unknown key 'block' for method 'magnitude'; expected one "
        "of sparsity, scope, floor, criterion. Remove 'block'."
    )


def test_unknown_key_of_the_recipe() -> None:
    assert message("version: 1\nlayer: []\n") == (
        "recipe.yaml line 2: unknown key 'layer' for the recipe; expected one of "
        "version, model, seed, layers, finetune. Did you mean 'layers'?"
    )


def test_impossible_value() -> None:
    text = """\
version: 1
layers:
  - {match: "*", method: none}
  - {match: "conv1", method: magnitude,
     sparsity: 1.7}
"""
    assert message(text) == (
        "recipe.yaml line 5: sparsity: 1.7 for method 'magnitude'; expected less than "
        "1. Correct 'sparsity'."
    )


def test_missing_parameter() -> None:
    text = "layers:\n  - {match: '*', method: magnitude}\n"
    assert message(text) == (
        "recipe.yaml line 2: no 'sparsity' for method 'magnitude'; expected sparsity: "
        "zeros / total, 0 <= sparsity < 1. Add 'sparsity'."
    )


def test_unknown_method_names_all() -> None:
    text = "layers:\n  - {match: '*', method: magnitud, sparsity: 0.8}\n"
    assert message(text) == (
        "recipe.yaml line 2: method 'magnitud'; expected one of "
        + ", ".join(METHODS)
        + ". Choose one of these."
    )


def test_unknown_criterion() -> None:
    text = "layers:\n  - {match: '*', method: filter, sparsity: 0.5, criterion: l3}\n"
    assert message(text) == (
        "recipe.yaml line 2: criterion: 'l3' for method 'filter'; expected one of l1, "
        "l2, random, lamp, fpgm, bn_scale, taylor, apoz. Correct 'criterion'."
    )


def test_two_values_that_do_not_go_together() -> None:
    text = "layers:\n  - {match: '*', method: nm, n: 4, m: 4}\n"
    assert message(text) == (
        "recipe.yaml line 2: these values together for method 'nm'; expected n below "
        "m = 4, since n is what is kept. Correct one of them."
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "",
            "recipe.yaml line 1: no text; expected keys such as 'version' and "
            "'layers'. Start with 'version: 1'.",
        ),
        (
            "- a\n- b\n",
            "recipe.yaml line 1: no keys; expected keys such as 'version' and "
            "'layers'. Start with 'version: 1'.",
        ),
        (
            "version: 1\nlayers: [{match: '*'\n",
            "recipe.yaml line 3: expected ',' or '}', but got '<stream end>'; expected "
            "YAML. Check brackets, quotes and indentation there.",
        ),
        (
            "version: 2\n",
            "recipe.yaml line 1: version: 2 for the recipe; expected 1. Correct "
            "'version'.",
        ),
        (
            "version: 1\nseed: -3\n",
            "recipe.yaml line 2: seed: -3 for the recipe; expected greater than or "
            "equal to 0. Correct 'seed'.",
        ),
        (
            "version: 1\nseed: 1\nseed: 2\n",
            "recipe.yaml line 3: key 'seed' twice; expected each key once. Remove one "
            "of them.",
        ),
        (
            "layers:\n  - conv1\n",
            "recipe.yaml line 2: rule 'conv1'; expected a mapping such as {match: "
            '"*", method: magnitude, sparsity: 0.8}. Write match, method and the '
            "method's parameters.",
        ),
        (
            "layers: magnitude\n",
            "recipe.yaml line 1: layers that are no list; expected a list of rules, "
            "each on a line that starts with '- '. Put '- ' before each rule.",
        ),
        (
            "layers:\n  - {method: none}\n",
            "recipe.yaml line 2: a rule without 'match'; expected match, method and "
            "the method's parameters. Add 'match'.",
        ),
        (
            "layers:\n  - {match: 3, method: none}\n",
            "recipe.yaml line 2: match: 3; expected a layer id or a pattern such as "
            "'layer3.*'. Put the pattern in quotes.",
        ),
        (
            "layers: []\nfinetune:\n  epochs: 3\n  lrate: 1\n",
            "recipe.yaml line 4: unknown key 'lrate' for finetune; expected one of "
            "epochs, lr, schedule. Remove 'lrate'.",
        ),
        (
            "finetune: 3\n",
            "recipe.yaml line 1: finetune: 3; expected a mapping such as {epochs: 10, "
            "lr: 0.01}. Write the keys in braces.",
        ),
        (
            "layers:\n  - {match: '*', method: none, params: {a: 1}}\n",
            "recipe.yaml line 2: unknown key 'params' for method 'none'; expected no "
            "key. Remove 'params'.",
        ),
    ],
)
def test_refused_by_name_and_line(text: str, expected: str) -> None:
    assert message(text) == expected


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    Recipe.loads(CANONICAL).save(path)
    assert path.read_bytes() == CANONICAL.encode()
    assert [item.name for item in tmp_path.iterdir()] == ["recipe.yaml"]
    assert Recipe.load(path).layers[2].place == "recipe.yaml line 7"
    with pytest.raises(RecipeError, match=r"expected a YAML file\. Check the path\."):
        Recipe.load(tmp_path / "missing.yaml")


def test_rule_refuses_unknown_parameters_in_python_too() -> None:
    with pytest.raises(RecipeError) as caught:
        Rule.of("conv1", "magnitude", sparsity=0.8, block=4)
    assert caught.value.found == "unknown key 'block' for method 'magnitude'"


@pytest.mark.parametrize(
    ("method", "sparsity", "params"),
    [
        ("magnitude", 0.8, {"sparsity": 0.8}),
        ("filter", 0.5, {"sparsity": 0.5}),
        # 4 of 9 entries in 45 % of the kernels: 0.45 * 4/9 = 0.2 stay.
        ("pattern", 0.8, {"connectivity": 0.55}),
        ("pconv", 0.8, {"connectivity": 0.55}),
        ("pattern", 5 / 9, {}),
        ("nm", 0.5, {}),
        ("nm", 0.875, {"n": 1, "m": 8}),
        # (1 - 1/8) * 8/9 = 0.778, nearer to 0.8 than (1 - 1/16) * 8/9 = 0.833.
        ("hetconv", 0.8, {"p": 8}),
    ],
)
def test_uniform_finds_parameters(
    method: str, sparsity: float, params: dict[str, object]
) -> None:
    [rule] = Recipe.uniform(method, sparsity).layers
    assert rule.params.model_dump(exclude_defaults=True) == params


def test_uniform_sensitivity_uses_the_normal_quantile() -> None:
    [rule] = Recipe.uniform("sensitivity", 0.6827).layers
    assert rule.model_dump()["s"] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("method", "sparsity", "expected"),
    [
        ("pattern", 0.3, "0.5556 or more, since patterns alone remove 5 of 9"),
        (
            "hetconv",
            0.95,
            "at most 0.875 (p = 64), since every kernel keeps its centre",
        ),
        ("none", 0.5, "sparsity 0"),
    ],
)
def test_uniform_refuses_what_a_method_cannot_reach(
    method: str, sparsity: float, expected: str
) -> None:
    with pytest.raises(MethodError) as caught:
        Recipe.uniform(method, sparsity)
    assert caught.value.expected == expected


def test_uniform_refuses_percent() -> None:
    with pytest.raises(RecipeError, match=r"Write 0\.8 for 80 %"):
        Recipe.uniform("magnitude", 80)


names = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8
)
rules = st.one_of(
    st.builds(
        lambda match, s, scope: Rule.of(match, "magnitude", sparsity=s, scope=scope),
        names,
        st.floats(0, 0.999),
        st.sampled_from(["layer", "global"]),
    ),
    st.builds(
        lambda match, k, c: Rule.of(match, "pattern", patterns=k, connectivity=c),
        names,
        st.one_of(st.none(), st.integers(1, 56)),
        st.floats(0, 0.999),
    ),
    st.builds(lambda match: Rule.of(match, "none"), names),
)


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        Recipe,
        model=st.one_of(st.none(), names),
        seed=st.integers(0, 2**40),
        layers=st.lists(rules, max_size=4).map(tuple),
        finetune=st.one_of(
            st.none(),
            st.builds(
                Finetune,
                epochs=st.integers(1, 300),
                lr=st.floats(1e-9, 10, exclude_min=True),
            ),
        ),
    )
)
def test_round_trip_is_byte_stable(recipe: Recipe) -> None:
    text = recipe.dump()
    again = Recipe.loads(text)
    assert again == recipe
    assert again.dump() == text


def test_every_parameter_says_what_it_means() -> None:
    for row in METHODS.values():
        for name, field in row.params.model_fields.items():
            assert field.description, f"{row.name}.{name}"
        assert row.keeps
        assert row.source
