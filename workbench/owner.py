"""Which process something belongs to, and whether that process still lives.

Belongs here: naming a process so that a reused process id is not mistaken for it.
"""

import hashlib
import os
from functools import cache
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc/self/ns/pid")
_START_FIELD = 19  # of what follows the command's name in /proc/PID/stat


def this_process() -> str:
    """Return boot, process id and start time of this process as one text."""
    return f"{_boot()} {os.getpid()} {started(os.getpid())}"


def is_alive(owner: str) -> bool:
    """Return whether the process that `this_process` named still runs.

    Examples
    --------
    >>> is_alive(this_process()), is_alive("another-boot 1 1")
    (True, False)
    """
    boot, _, rest = owner.partition(" ")
    pid, _, since = rest.partition(" ")
    return boot == _boot() and pid.isdigit() and runs(int(pid), since)


def runs(pid: int, since: str) -> bool:
    """Return whether the process with that id and start time runs on this machine."""
    return since == started(pid)


@cache
def machine() -> str:
    """Return 12 hex digits for this boot of this machine, or container in it."""
    try:
        space = os.readlink(_PROCESSES)
    except OSError:
        space = ""
    return hashlib.sha256(f"{_boot()} {space}".encode()).hexdigest()[:12]


def _boot() -> str:
    return _BOOT.read_text().strip() if _BOOT.is_file() else "unknown-boot"


def started(pid: int) -> str:
    """Return the start time of a process in the kernel's ticks; "" if none runs."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[_START_FIELD]
