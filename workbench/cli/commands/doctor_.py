"""`workbench doctor`: what this machine is and what the workbench found on it."""

import platform
from importlib import metadata

import workbench as wb
from workbench.cli.options import AsJson
from workbench.cli.output import print_json, print_line, print_table
from workbench.data.discovery import find_datasets
from workbench.kernels import info
from workbench.measure.conditions import cpu_model
from workbench.measure.peers import peers

PACKAGES = ("torch", "numpy", "streamlit", "plotly", "torch-pruning", "onnx")


def run(as_json: AsJson = False) -> None:
    """Print CPU, chosen kernels, versions, datasets and peers."""
    kernels = info()
    facts = {
        "workbench": wb.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpu": cpu_model(),
        "isa": kernels.isa,
        "isa_reason": kernels.reason,
        "isa_available": list(kernels.available),
        "compiler": kernels.compiler,
        "versions": {name: _version(name) for name in PACKAGES},
        "datasets": find_datasets(),
        "peers": {name: peer.available() or "ready" for name, peer in peers().items()},
    }
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            print_table(name, ("name", "state"), value.items())
        else:
            shown = ", ".join(value) if isinstance(value, list) else value
            print_line(f"{name:14} {shown}")


def _version(package: str) -> str:
    """Return a package's version, or how to get the package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return f"missing: pip install {package}"
