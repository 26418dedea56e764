"""The far side of a remote engine: loads it, answers calls, takes its own time.

Run as `python -I loop.py ENGINE MODEL THREADS BATCH`. Each request is one line of
JSON and the bytes of a float32 array; each answer is one line and, for an output,
its bytes. Standard output belongs to the pipe: whatever an engine prints goes to
standard error.

Belongs here: the loop. Does not belong here: any engine (one file each beside this
one, with the functions `load` and `version`).
"""

import json
import math
import os
import runpy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter_ns
from typing import Any, BinaryIO

import numpy as np


def main(engine: str, model: str, threads: str, batch: str) -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        names = runpy.run_path(str(Path(__file__).with_name(f"{engine}_engine.py")))
        call = names["load"](model, int(threads), int(batch))
        _answer(answers, {"version": names["version"]()})
        _serve(sys.stdin.buffer, answers, call)
    except Exception as error:
        _answer(answers, {"error": f"{type(error).__name__}: {error}"})
        raise


def _serve(
    requests: BinaryIO, answers: BinaryIO, call: Callable[[Any], object]
) -> None:
    for line in requests:
        request = json.loads(line)
        data = requests.read(4 * math.prod(request["shape"]))
        x = np.frombuffer(data, np.float32).reshape(request["shape"]).copy()
        if request["do"] == "sample":
            start = perf_counter_ns()
            for _ in range(request["inner"]):
                call(x)
            _answer(answers, {"ns": perf_counter_ns() - start})
        else:
            output = np.ascontiguousarray(call(x), np.float32)
            size = {"shape": output.shape, "bytes": output.nbytes}
            _answer(answers, size, output.tobytes())


def _answer(answers: BinaryIO, header: Mapping[str, Any], data: bytes = b"") -> None:
    answers.write(json.dumps(header).encode() + b"\n" + data)
    answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
