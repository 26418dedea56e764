"""ExecuTorch with the XNNPACK delegate, exported from the torch module."""

from functools import partial
from pathlib import Path

import torch

from workbench.measure.conditions import installed_versions
from workbench.measure.peers.protocol import (
    Array,
    Peer,
    Runner,
    Setup,
    Subject,
    as_float32,
    needs,
)
from workbench.measure.peers.quiet import talking_aside


class _Method(Runner):
    def __init__(self, subject: Subject, setup: Setup) -> None:
        version = installed_versions(["executorch"]).get("executorch", "unknown")
        name = f"executorch-{version}-{setup.batch}.pte"
        path = subject.converted(name, partial(_convert, subject, setup.batch))
        with talking_aside():
            from executorch.extension.pybindings import portable_lib

            # One pool for the whole process; every contender gets as many threads.
            portable_lib._unsafe_reset_threadpool(setup.threads)
            self._module = portable_lib._load_for_executorch(str(path))

    def __call__(self, x: Array) -> Array:
        return as_float32(self._module.forward((torch.from_numpy(x),))[0])


def _convert(subject: Subject, batch: int, path: Path) -> None:
    with talking_aside():
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import (
            XnnpackPartitioner,
        )
        from executorch.exir import to_edge_transform_and_lower

        example = torch.zeros(batch, *subject.input_shape)
        exported = torch.export.export(subject.module, (example,))
        lowered = to_edge_transform_and_lower(
            exported, partitioner=[XnnpackPartitioner()]
        )
        path.write_bytes(lowered.to_executorch().buffer)


def _available() -> str | None:
    return needs("executorch", install="pip install executorch")


PEER = Peer(
    "executorch",
    "ExecuTorch, XNNPACK",
    "executorch",
    _available,
    _Method,
    from_module=True,
)
