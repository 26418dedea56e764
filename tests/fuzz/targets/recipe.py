"""Recipes as YAML files, and as the text of a link."""

import json
from functools import cache
from pathlib import Path
from random import Random

from tests.fuzz.mutations import damage, scalar
from tests.support.small_networks import exported
from workbench.pruning.methods import METHODS
from workbench.pruning.recipe.recipe import Recipe

SUFFIX = ".yaml"
_BOMB = "\na: &a [x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefghij", "bcdefghijk", strict=True)
)
_PIECES = (
    *("&a ", "*a", "!!python/object:os.system ", "!!binary ", "!!set ", "!!float "),
    *("[", "]", "{", "}", ": ", "- ", "? ", "| ", "> ", "<<: *a", "---\n", "...\n"),
    *("1:30:00", "2001-13-45", "0x", "0b", "0o9", ".inf", ".nan", "~", "=", "1_000"),
    *("'", '"', "\t", "\x00", "\u2028", "[" * 2000, "{" * 2000, "- " * 2000),
    *("9" * 5000, "1e999", "2001-01-01", "!<tag:x> ", "&b [*b]", "\n<<: [1]\n"),
    *("!!timestamp x", "!!int x", "!!bool x", "!!omap [a]", "? [a]: b\n", _BOMB),
)


@cache
def seeds() -> tuple[bytes, ...]:
    rules = [f'  - {{match: "*", method: {name}}}\n' for name in METHODS]
    fine = Recipe.uniform("magnitude", 0.5).dump()
    fine += "finetune: {epochs: 3, lr: 0.01, schedule: gradual}\n"
    first = 'layers:\n  - {match: "a.*", method: magnitude, sparsity: 0.8}\n'
    good = []
    for rule in rules:
        try:
            Recipe.loads(f"{first}{rule}")
        except Exception:  # noqa: BLE001
            continue
        good.append(f"{first}{rule}".encode())
    return exported("recipe"), fine.encode(), *good


def mutate(rng: Random, data: bytes) -> bytes:
    kind = rng.random()
    if kind < 0.3:
        return damage(rng, data)
    words = data.decode("utf-8", "replace").split(" ")
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(len(words))
        if rng.random() < 0.4:
            words.insert(at, rng.choice(_PIECES))
        elif rng.random() < 0.3:
            words[at] += rng.choice(_PIECES)
        else:
            end = words[at][-1:] if words[at][-1:] in "},]\n" else ""
            words[at] = json.dumps(scalar(rng, rng.choice([1, 0.5, "a"]))) + end
    return " ".join(words).encode("utf-8", "surrogatepass")


def read(path: Path) -> object:
    found = Recipe.load(path)
    assert Recipe.loads(found.dump()) == found
    return found
