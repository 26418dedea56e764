"""Calls of the torch operations that move numbers; see `aten_cases`."""

from collections.abc import Mapping

import torch

from tests.engine.aten_values import Cases, No, numbers

MOVE_CASES: Mapping[str, Cases] = {
    "unbind": Cases({"dim": 1}, {"dim": [2, -1]}),
    "select": Cases({"dim": 1, "index": 2}, {"dim": [3, -2], "index": [-1, 0]}),
    "stack": Cases({"dim": 1}, {"dim": [2, -1]}, before=lambda x: [x, torch.relu(x)]),
    "index": Cases(
        {"indices": [None, torch.tensor([2, 0, 2])]},
        {
            "indices": [
                [None, None, torch.tensor([[1, -1], [0, 3]])],
                [None, torch.tensor([0, 1]), torch.tensor([2, 3])],
                [None, torch.tensor([0, 1]), None, torch.tensor([[2], [3]])],
                No([None, torch.tensor([True, False, True, True])]),
                [None, None, torch.tensor([[0], [5]]), torch.tensor([1, 4, 2])],
            ],
            "el": [{}],
        },
    ),
    "index_select": Cases(
        {"dim": 1, "index": torch.tensor([3, 1])},
        {"dim": [2, -1], "index": [torch.tensor([0])]},
    ),
    "flip": Cases({"dims": [2]}, {"dims": [[-1, 1], [3]]}),
    "roll": Cases(
        {"shifts": [2], "dims": [3]},
        {"shifts": [{"shifts": [1, -2], "dims": [2, 3]}], "dims": [[-3], []]},
    ),
    "unsqueeze": Cases({"dim": 1}, {"dim": [-1, 4]}),
    "unflatten": Cases({"dim": 2, "sizes": [2, 3]}, {"dim": [-2], "sizes": [[3, -1]]}),
    "view_as": Cases({"other": numbers(1, 4, 30)}, {"other": [numbers(1, 20, 6)]}),
    "reshape_as": Cases({"other": numbers(1, 4, 30)}, {"other": [numbers(1, 20, 6)]}),
    "swapaxes": Cases({"axis0": 1, "axis1": 3}, {"axis0": [2], "axis1": [-2]}),
    "movedim": Cases(
        {"source": [1], "destination": [-1]},
        {
            "source": [{"source": [1, 3], "destination": [2, 1]}],
            "destination": [[2]],
        },
    ),
    "t": Cases(before=lambda x: x.flatten()),
    "numpy_T": Cases(before=lambda x: x.permute(3, 2, 1, 0)),
    "expand": Cases(
        {"size": [1, 4, 6, 5, 3]},
        {"size": [[-1, 4, -1, 5, 2]], "implicit": [True]},
        before=lambda x: x[..., None],
    ),
    "expand_as": Cases(
        {"other": numbers(1, 4, 6, 7)},
        {"other": [numbers(1, 4, 6, 2)]},
        before=lambda x: x[..., :1],
    ),
    "repeat": Cases({"repeats": [1, 2, 1, 3]}, {"repeats": [[1, 1, 2, 1]]}),
    "tile": Cases({"dims": [2, 1, 3]}, {"dims": [[2]]}),
    "repeat_interleave": Cases(
        {"repeats": 3, "dim": 2},
        {"dim": [-1, 1], "output_size": [18], "self": [{"repeats": 2}]},
    ),
    "pad": Cases(
        {"pad": [1, 2, 3, 0], "mode": "constant"},
        {
            "pad": [[-1, 2], [0, 0, 0, 0, 1, 1], [1, -2, -1, 2]],
            "mode": ["reflect", "replicate", "circular"],
            "value": [2.5],
        },
    ),
    "constant_pad_nd": Cases(
        {"pad": [1, 2, 3, 0]}, {"pad": [[-1, 2]], "value": [float("-inf"), 1.5]}
    ),
    "pixel_shuffle": Cases({"upscale_factor": 2}, {"upscale_factor": [1]}),
    "pixel_unshuffle": Cases(
        {"downscale_factor": 2}, {"downscale_factor": [3]}, (4, 6, 12)
    ),
}
