"""Every format: one line each."""

from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.export.format import Format
from workbench.export.formats import onnx, pt, pt_masked, recipe, safetensors, wbp, wbz

FORMATS: tuple[Format, ...] = (
    safetensors.FORMAT,
    pt.FORMAT,
    pt_masked.FORMAT,
    onnx.FORMAT,
    wbp.FORMAT,
    wbz.FORMAT,
    recipe.FORMAT,
)
# Never written, but people hand them in: the checks of .pt say why not.
REFUSED_SUFFIXES = (".pt2", ".pkl", ".pickle", ".ckpt", ".bin")


def find_format(name: str) -> Format:
    """Return the format of that name.

    Raises
    ------
    WorkbenchError
        When there is none.
    """
    for one in FORMATS:
        if one.name == name:
            return one
    raise WorkbenchError(
        found=f"format {name!r}",
        expected="one of " + ", ".join(one.name for one in FORMATS),
        next_step="Correct the name.",
    )


def format_of(path: Path) -> Format:
    """Return the format that a file name asks for; the longest suffix wins.

    Raises
    ------
    WorkbenchError
        When no format has that suffix.
    """
    pairs = [(suffix, one) for one in FORMATS for suffix in one.suffixes]
    for suffix, one in sorted(pairs, key=lambda pair: -len(pair[0])):
        if path.name.lower().endswith(suffix):
            return one
    raise WorkbenchError(
        found=f"{path.name}, whose suffix says no format",
        expected="one of " + ", ".join(suffix for suffix, _ in pairs),
        next_step="Rename the file, or name the format.",
    )
