"""Steps that torch has no function for: run as they are in a program, image by image.

Belongs here: one operation of torch's that calls a function of a graph's node. No
gradient passes it, and channels that go in are named as stuck there.
"""

from collections.abc import Callable, Sequence
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor

from workbench.engine.graph.graph import Node

_RUNNING: "WeakValueDictionary[int, ForeignStep]" = WeakValueDictionary()


class ForeignStep:
    """A node's function, under a number that torch can pass on.

    Parameters
    ----------
    node : Node
        With the operation ``foreign``.
    """

    def __init__(self, node: Node) -> None:
        assert node.foreign is not None
        self.shape = [int(size) for size in node.shape]
        self.run: Callable[..., object] = node.foreign
        self.key = id(self)
        _RUNNING[self.key] = self

    def __call__(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the node's tensor, with the batch in front."""
        made: Tensor = foreign_step(list(inputs), self.shape, self.key)
        return made


@torch.library.custom_op("workbench::foreign_step", mutates_args=())
def foreign_step(inputs: Sequence[Tensor], shape: Sequence[int], key: int) -> Tensor:
    """Return what a node's function makes of each image."""
    step = _RUNNING[key]
    arrays = [one.detach().cpu().numpy() for one in inputs]
    made = [
        step.run([np.ascontiguousarray(one[image]) for one in arrays])
        for image in range(len(arrays[0]))
    ]
    whole = np.asarray(made, np.float32).reshape(len(made), *shape)
    return torch.from_numpy(np.ascontiguousarray(whole)).to(inputs[0].device)


@foreign_step.register_fake
def _sizes(inputs: Sequence[Tensor], shape: Sequence[int], key: int) -> Tensor:
    return inputs[0].new_empty((inputs[0].shape[0], *shape))
