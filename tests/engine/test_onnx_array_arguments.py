"""Every argument of ONNX operations on arrays of any rank, as `test_onnx_arguments`."""

import pytest

from tests.engine.onnx_array_cases import ARRAY_CASES
from tests.engine.onnx_move_cases import MOVE_CASES
from tests.engine.test_onnx_arguments import check_cases

CASES = {**ARRAY_CASES, **MOVE_CASES}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("op", list(CASES))
def test_every_case_is_equal_or_refused(op: str) -> None:
    check_cases(op, CASES)
