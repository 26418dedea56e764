"""Packages that are only needed for a part of the workbench, and how to get them.

Running a saved program needs NumPy alone. Belongs here: which extra of the
distribution brings which package, and the error when one is missing. Does not belong
here: versions (pyproject.toml, constraints.txt).
"""

from workbench.errors import WorkbenchError

DISTRIBUTION = "pruning-workbench"

EXTRA_OF = {
    "torch": "torch",
    "safetensors": "torch",
    "pydantic": "torch",
    "yaml": "torch",
    "pyarrow": "torch",
    "PIL": "torch",
    "mlxtend": "torch",
    "sklearn": "torch",
    "scipy": "torch",
    "constriction": "torch",
    "onnx": "onnx",
    "onnxscript": "onnx",
    "typer": "cli",
    "rich": "cli",
    "streamlit": "app",
    "plotly": "app",
    "altair": "app",
    "vl_convert": "app",
    "pandas": "app",
    "ray": "cluster",
    "timm": "timm",
    "torchvision": "torchvision",
    "huggingface_hub": "hub",
}
"""Module to import -> the smallest extra that installs it."""


def missing_package(error: ImportError) -> WorkbenchError | None:
    """Return the error that tells how to install what an import did not find.

    Parameters
    ----------
    error : ImportError
        Of an import inside the workbench.

    Returns
    -------
    WorkbenchError or None
        None when what is missing belongs to no extra: then the error is not about
        the installation.

    Examples
    --------
    >>> print(missing_package(ModuleNotFoundError(name="typer")))
    the package typer is not installed; expected the extra 'cli'. Run: pip install \
'pruning-workbench[cli]'
    """
    package = (error.name or "").partition(".")[0]
    extra = EXTRA_OF.get(package)
    if not isinstance(error, ModuleNotFoundError) or extra is None:
        return None
    return WorkbenchError(
        f"the package {package} is not installed",
        f"the extra '{extra}'",
        f"Run: pip install '{DISTRIBUTION}[{extra}]'",
    )
