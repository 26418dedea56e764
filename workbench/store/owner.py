"""Who is writing a run, and whether that process still lives.

Belongs here: naming a process so that a reused process id is not mistaken for it.
"""

import os
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD = 19  # of what follows the command's name in /proc/PID/stat


def this_process() -> str:
    """Return boot, process id and start time of this process as one text."""
    return f"{_boot()} {os.getpid()} {_started(os.getpid())}"


def is_alive(owner: str) -> bool:
    """Return whether the process that `this_process` named still runs.

    Examples
    --------
    >>> is_alive(this_process()), is_alive("another-boot 1 1")
    (True, False)
    """
    boot, _, rest = owner.partition(" ")
    pid, _, started = rest.partition(" ")
    return boot == _boot() and pid.isdigit() and started == _started(int(pid))


def _boot() -> str:
    return _BOOT.read_text().strip() if _BOOT.is_file() else "unknown-boot"


def _started(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[_START_FIELD]
