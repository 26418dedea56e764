"""ONNX Runtime on the CPU, every graph optimisation on."""

from workbench.measure.onnx_model import BATCH_NAME
from workbench.measure.peers.protocol import (
    Array,
    Peer,
    Runner,
    Setup,
    Subject,
    as_float32,
    needs,
)


class _Session(Runner):
    settle_s = 0.0

    def __init__(self, subject: Subject, setup: Setup) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = setup.threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = (
            onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        )
        options.log_severity_level = 3
        # Plan for fixed shapes: the file leaves the batch free.
        options.add_free_dimension_override_by_name(BATCH_NAME, setup.batch)
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        # Workers spin within a call, which is the default and the fastest, but stop
        # when it returns: else they would steal the core from whoever comes next.
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self._session = onnxruntime.InferenceSession(
            str(subject.onnx_path), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def __call__(self, x: Array) -> Array:
        return as_float32(self._session.run(None, {self._input: x}))


def _available() -> str | None:
    return needs("onnxruntime", install="pip install onnxruntime")


PEER = Peer(
    "onnxruntime",
    "ONNX Runtime, all optimisations",
    "onnxruntime",
    _available,
    _Session,
)
