"""Whole networks: the program gives what torch gives on the masked module."""

import numpy as np
import pytest
import torch

from tests.engine.nets import NETS, make
from workbench.capture.compile import compile
from workbench.engine.program import Program
from workbench.errors import WorkbenchError

TOLERANCE = 2e-5
"""Of the largest result: float32 sums of at most 2,000 terms in another order."""


def assert_close(result: np.ndarray, expected: np.ndarray) -> None:
    scale = float(np.abs(expected).max())
    assert result.shape == expected.shape
    assert float(np.abs(result - expected).max()) <= TOLERANCE * scale


@pytest.mark.parametrize("sparsity", [0.0, 0.7])
@pytest.mark.parametrize("name", list(NETS))
def test_equals_torch(name: str, sparsity: float) -> None:
    module, x = make(name, sparsity)
    program = compile(module, example=x, tune="model")
    with torch.no_grad():
        expected = module(x).numpy()
    assert_close(program(x[:1]), expected[:1])
    assert_close(program(x.numpy()), expected)


def test_two_threads_give_what_one_gives() -> None:
    module, x = make("resnet", 0.7)
    with torch.no_grad():
        expected = module(x).numpy()
    program = compile(module, example=x, threads=2, tune="model")
    first = program(x)
    assert_close(first, expected)
    np.testing.assert_array_equal(first, program(x))


def test_all_zero_layers_leave_the_bias() -> None:
    module, x = make("resnet", 1.0)
    with torch.no_grad():
        expected = module(x).numpy()
    assert_close(compile(module, example=x, tune="model")(x), expected)


def executed(program: Program, candidate: str) -> list[tuple[int, int]]:
    return [
        (step.executed_macs, step.theoretical_macs)
        for step in program.steps
        if step.candidate == candidate
    ]


def test_sparse_layers_execute_exactly_the_theoretical_macs() -> None:
    module, x = make("resnet", 0.9)
    program = compile(module, example=x, tune="model")
    pairs = executed(program, "sparse") + executed(program, "generated")
    assert len(pairs) == 8
    assert all(done == theory for done, theory in pairs)


def test_refuses_another_shape() -> None:
    module, x = make("lenet")
    program = compile(module, example=x, tune="model")
    with pytest.raises(WorkbenchError, match=r"\(N, 1, 28, 28\)"):
        program(torch.zeros(1, 3, 28, 28))


@pytest.mark.parametrize("given", ["cat", {"input": {1}}, [["a"]]])
def test_refuses_what_is_no_array(given) -> None:
    module, x = make("lenet")
    program = compile(module, example=x, tune="model")
    with pytest.raises(WorkbenchError, match=r"numbers of shape \(N, 1, 28, 28\)"):
        program(given)


def test_refuses_another_name() -> None:
    module, x = make("lenet")
    program = compile(module, example=x, tune="model")
    with pytest.raises(WorkbenchError, match=r"'x'; expected .* input 'input'"):
        program({"x": x})


def test_refuses_a_tensor_with_gradients() -> None:
    module, x = make("lenet")
    program = compile(module, example=x, tune="model")
    with pytest.raises(WorkbenchError, match="without gradients"):
        program(x.clone().requires_grad_())
