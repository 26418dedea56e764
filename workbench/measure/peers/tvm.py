"""TVM, compiled for this processor but untuned: its tuner takes hours a network."""

import os

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

_BIG_CORES = 1


class _Machine(Runner):
    def __init__(self, subject: Subject, setup: Setup) -> None:
        import onnx

        # Its pool would pin this thread to a core, for every contender after it.
        os.environ.setdefault("TVM_BIND_THREADS", "0")
        with talking_aside():
            import tvm
            from tvm import relax
            from tvm.relax.frontend.onnx import from_onnx

            function = tvm.get_global_func
            function("runtime.config_threadpool")(_BIG_CORES, setup.threads)
            model = onnx.load(subject.onnx_path)
            module = from_onnx(
                model,
                shape_dict={
                    model.graph.input[0].name: [setup.batch, *subject.input_shape]
                },
                keep_params_in_input=False,
            )
            target = tvm.target.Target(
                {
                    "kind": "llvm",
                    "mcpu": str(function("target.llvm_get_system_cpu")()),
                    "num-cores": setup.threads,
                }
            )
            with target:
                module = relax.get_pipeline("zero")(module)
            built = tvm.compile(module, target=target)
            self._tensor = tvm.runtime.tensor
            self._machine = relax.VirtualMachine(built, tvm.cpu())

    def __call__(self, x: Array) -> Array:
        found = self._machine["main"](self._tensor(x))
        return as_float32(found.numpy())


def _available() -> str | None:
    return needs("tvm", install="pip install apache-tvm")


PEER = Peer("tvm", "TVM, untuned", "apache-tvm", _available, _Machine)
