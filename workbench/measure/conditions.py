"""The conditions under which a number was measured.

Belongs here: reading the machine, its load and the versions in use. Does not
belong here: timing itself (interleave.py).
"""

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from workbench.kernels import info

PACKAGES = ("torch", "numpy", "onnxruntime", "onnx")
_CPUINFO = Path("/proc/cpuinfo")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
# Widest vector set first; a set counts only when all its flags are there.
_ISA_FLAGS = (
    ("avx512", ("avx512f", "avx512dq", "avx512bw", "avx512vl")),
    ("avx2", ("avx2", "fma")),
    ("sse4.2", ("sse4_2",)),
    ("neon", ("asimd",)),
)


@dataclass(frozen=True)
class Conditions:
    """Return what a reader needs to judge or repeat a measurement.

    Parameters
    ----------
    cpu : str
        Model name of the processor.
    isa : str
        Widest vector instruction set that the processor offers.
    kernels : str
        Instruction set that the bundled engine's kernels use.
    cores : int
        Cores this process may use.
    threads : int
        Threads every contender was given.
    load_1min : float
        Load average when the measurement began; above zero means company.
    governor : str or None
        Frequency governor, None where the machine does not tell.
    system, python : str
        Operating system and interpreter.
    versions : tuple of (str, str)
        Package name and version, sorted.
    date : str
        UTC time, ISO 8601.
    """

    cpu: str
    isa: str
    kernels: str
    cores: int
    threads: int
    load_1min: float
    governor: str | None
    system: str
    python: str
    versions: tuple[tuple[str, str], ...]
    date: str

    def with_versions(self, more: Mapping[str, str]) -> "Conditions":
        """Return the same conditions with more versions."""
        merged = {**dict(self.versions), **more}
        return replace(self, versions=tuple(sorted(merged.items())))

    @property
    def machine_digest(self) -> str:
        """Sha256 hex over what identifies the machine, not the moment."""
        same = (self.cpu, self.isa, self.cores, self.system)
        return hashlib.sha256(json.dumps(same).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields, with `versions` as a mapping."""
        return asdict(self) | {
            "versions": dict(self.versions),
            "machine_digest": self.machine_digest,
        }

    @property
    def line(self) -> str:
        """One line to print under a table or a chart."""
        threads, cores = (
            f"{number} {word}{'' if number == 1 else 's'}"
            for number, word in ((self.threads, "thread"), (self.cores, "core"))
        )
        return (
            f"{self.cpu}, {self.isa}, {threads} of {cores}, "
            f"load {self.load_1min:.2f}, {self.date}"
        )


def read_conditions(
    threads: int, *, packages: Iterable[str] = PACKAGES, cpuinfo: Path = _CPUINFO
) -> Conditions:
    """Return the conditions of this moment on this machine.

    Parameters
    ----------
    threads : int
        Threads given to every contender.
    packages : iterable of str
        Distributions whose versions are recorded when they are installed.
    cpuinfo : Path
        The kernel's description of the processor.
    """
    facts = _cpu_facts(cpuinfo)
    return Conditions(
        cpu=cpu_model(cpuinfo),
        isa=_widest(facts.get("flags") or facts.get("Features") or ""),
        kernels=info().isa,
        cores=len(os.sched_getaffinity(0)),
        threads=threads,
        load_1min=round(os.getloadavg()[0], 2),
        governor=_GOVERNOR.read_text().strip() if _GOVERNOR.is_file() else None,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions=tuple(sorted(installed_versions(packages).items())),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def cpu_model(cpuinfo: Path = _CPUINFO) -> str:
    """Return the processor's model name."""
    named = _cpu_facts(cpuinfo).get("model name")
    return named or platform.processor() or platform.machine()


def installed_versions(packages: Iterable[str]) -> Mapping[str, str]:
    """Return name to version for those of `packages` that are installed."""
    found: dict[str, str] = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpu_facts(cpuinfo: Path) -> dict[str, str]:
    if not cpuinfo.is_file():
        return {}
    first = cpuinfo.read_text().split("\n\n", 1)[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _widest(flags: str) -> str:
    have = set(flags.split())
    for name, needed in _ISA_FLAGS:
        if have.issuperset(needed):
            return name
    return "baseline"
