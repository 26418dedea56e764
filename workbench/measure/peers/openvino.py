"""OpenVINO on the CPU, held to fp32 arithmetic."""

from workbench.measure.peers.protocol import (
    Array,
    Peer,
    Runner,
    Setup,
    Subject,
    as_float32,
    needs,
)


class _Compiled(Runner):
    settle_s = 0.0

    def __init__(self, subject: Subject, setup: Setup) -> None:
        import openvino

        core = openvino.Core()
        model = core.read_model(str(subject.onnx_path))
        model.reshape([setup.batch, *subject.input_shape])
        compiled = core.compile_model(
            model,
            "CPU",
            {
                # Left alone it would calculate in bf16 on processors that have it.
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": setup.threads,
                "PERFORMANCE_HINT": "LATENCY",
                "NUM_STREAMS": 1,
            },
        )
        self._output = compiled.output(0)
        self._request = compiled.create_infer_request()

    def __call__(self, x: Array) -> Array:
        found = self._request.infer([x], share_inputs=True, share_outputs=True)
        return as_float32(found[self._output])


def _available() -> str | None:
    return needs("openvino", install="pip install openvino")


PEER = Peer("openvino", "OpenVINO, fp32 forced", "openvino", _available, _Compiled)
