"""What a reader may take for one file: time and memory.

Belongs here: the limits and the clocks of this process. Does not belong here: what is
read (``targets``), how often (``cases``).
"""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

MOST_SECONDS = 5.0
"""Of processor time for a file of a few kilobytes: a busy machine does not matter."""

MOST_GROWTH_BYTES = 256 << 20
"""Of memory in use while a file is read; torch and onnx load code of their own."""

MOST_SPACE_BYTES = 4 << 30
"""Of address space beyond what the process has: what is asked for and never used."""


class TooSlowError(BaseException):
    """A reader that works longer than any such file justifies."""


class TooLargeError(BaseException):
    """A reader that takes memory which no such file justifies."""


@contextmanager
def watched() -> Iterator[None]:
    """Run one reading under the limits; what exceeds them is raised."""
    old = signal.signal(signal.SIGPROF, _stop)
    # Python code is stopped where it is; code that never comes back to Python is
    # ended with the process by the second clock.
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    signal.setitimer(signal.ITIMER_VIRTUAL, 4 * MOST_SECONDS)
    before = _forget_peak()
    try:
        yield
    except Exception as error:
        if _asked_too_much(error):
            raise TooLargeError("more memory was asked for than there is") from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGPROF, old)
    grown = _status("VmHWM") - before
    if grown > MOST_GROWTH_BYTES:
        raise TooLargeError(f"{grown >> 20:,} MiB of memory were used")


def bound_space() -> None:
    """Give this process a limit of address space, for the rest of its life."""
    most = _status("VmSize") + MOST_SPACE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise TooSlowError(f"more than {MOST_SECONDS:g} s of processor time")


def _forget_peak() -> int:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmHWM")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) << 10
    return 0


def _asked_too_much(error: BaseException | None) -> bool:
    """Return whether running out of memory is behind an error, however far."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        said = str(error)
        if isinstance(error, MemoryError) or "can't allocate memory" in said:
            return True
        error = error.__cause__ or error.__context__
    return False
