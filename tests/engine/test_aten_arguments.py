"""Every argument of every torch operation that is read: torch's numbers, or its name.

The table of operations is compared with torch's own schemas, and each argument is given
values away from its default. `aten_cases` holds the values.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.engine.aten_cases import CASES, five_axes
from tests.engine.aten_values import LEFT_OUT, No
from workbench.capture.compile import compile
from workbench.capture.from_torch.table import TRANSLATIONS
from workbench.capture.from_torch.torch_export import capture
from workbench.capture.operations import operation
from workbench.errors import WorkbenchError

TOLERANCE = 2e-5
"""Of the largest result: sums of at most 100 terms in another order."""


def packet(name: str) -> Any:
    space = "workbench" if name.startswith("winograd") else "aten"
    return getattr(getattr(torch.ops, space), name)


def tensor_overloads(name: str) -> list[Any]:
    """Return the overloads that compute on tensors (others work on plain numbers)."""
    found = [getattr(packet(name), one) for one in packet(name).overloads()]
    return [
        one
        for one in found
        if str(one._schema.arguments[0].type) in ("Tensor", "List[Tensor]")
    ]


def names_in_torch(name: str) -> set[str]:
    overloads = tensor_overloads(name)
    return {a.name for o in overloads for a in o._schema.arguments if not a.is_out}


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_no_argument_is_undecided(name: str) -> None:
    declared = TRANSLATIONS[name]
    decided = {*declared.read, *declared.only, *declared.ignored}
    assert decided == names_in_torch(name)


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_every_argument_has_a_case(name: str) -> None:
    first = {o._schema.arguments[0].name for o in tensor_overloads(name)}
    asked = set() if name == "_assert_tensor_metadata" else names_in_torch(name) - first
    assert asked - set(CASES[name].change) - set(CASES[name].base) == set()


class One(nn.Module):
    """One call of one operation; its constants are buffers."""

    def __init__(self, name: str, given: Mapping[str, Any]) -> None:
        super().__init__()
        self.name = name
        self.given = {k: v for k, v in given.items() if v is not LEFT_OUT}
        for key, value in given.items():
            if isinstance(value, torch.Tensor):
                self.register_buffer(f"own_{key}", value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        given = {k: getattr(self, f"own_{k}", v) for k, v in self.given.items()}
        if self.name in ("slice_scatter", "copy") and "src" not in given:
            part = x[:, :2] if self.name == "slice_scatter" else x
            given["src"] = part * 3
        made = packet(self.name)(CASES[self.name].before(x), **given)
        if self.name.endswith("_like"):
            made = made + x
        if made is None or not isinstance(made, list | tuple):
            return x if made is None else after(self.name, made)
        if made[-1].dtype != torch.float32 or not made[-1].numel():
            return made[0]
        if made[0].ndim < 2 or len({part.shape[2:] for part in made}) > 1:
            return torch.cat([torch.relu(part).flatten(1) for part in made], 1)
        # The parts may differ in size: each must come out whole.
        return torch.cat([torch.relu(part) for part in reversed(made)], 1)


def after(name: str, made: torch.Tensor) -> torch.Tensor:
    """End a channel shuffle that was begun; return numbers with the batch first."""
    if CASES[name].before is five_axes:
        return made.reshape(1, 4, 6, 5)
    made = made.float() if made.dtype in (torch.bool, torch.int64) else made
    return made if made.shape[:1] == (1,) else made.flatten()[None]


def calls() -> Iterator[Any]:
    for name, cases in CASES.items():
        yield pytest.param(name, "", cases.base, id=f"{name}-base")
        for argument, values in cases.change.items():
            for number, value in enumerate(values):
                plain = value.value if isinstance(value, No) else value
                whole = plain if isinstance(plain, dict) else {argument: plain}
                given = {**cases.base, **whole}
                named = argument if isinstance(value, No) else ""
                case = f"{name}-{argument}-{number}"
                yield pytest.param(name, named, given, id=case)


@pytest.mark.parametrize(("name", "refused", "given"), calls())
def test_torchs_numbers_or_a_refusal(name: str, refused: str, given: Any) -> None:
    module = One(name, given)
    x = torch.randn(1, *CASES[name].shape, generator=torch.manual_seed(5))
    if refused:
        shown = "|".join((name.strip("_"), refused, "random", "type", "batch", "image"))
        with pytest.raises(WorkbenchError, match=shown):
            capture(module, x)
        return
    with torch.no_grad():
        expected = module(x).numpy()
    # A reshape to a batch of one is right for one image, which is what is asked here.
    result = compile(module, example=x, tune="model", check=False)(x)
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    scale = float(np.abs(expected).max())
    np.testing.assert_allclose(result, expected, rtol=0, atol=TOLERANCE * scale)


def test_an_argument_that_nobody_decided_about_is_refused() -> None:
    declared = operation(print, "self", ignored={"memory": "where it is stored"})
    assert declared.undecided(["self", "memory", "beta"]) == ["beta"]
    assert declared.objection({"self": 1, "memory": 2, "beta": 1}, {"beta": 1}) is None
    assert declared.objection({"self": 1, "beta": 0.5}, {"beta": 1}) == "beta=0.5"
