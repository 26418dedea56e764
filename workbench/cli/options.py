"""Arguments and options that several commands share, and what they stand for.

Belongs here: the wording of an option and the object it turns into. Does not
belong here: what a command does with it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import workbench as wb
from workbench.cli.source_options import MODEL_SETTINGS, NORM, RANDOM
from workbench.errors import WorkbenchError
from workbench.kernels.executor import MAX_THREADS

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

Model = Annotated[
    str,
    typer.Argument(
        help="A sample (see `models`), `timm:NAME`, `torchvision:NAME`, "
        "`hub:ORG/NAME`, an ONNX file or a factory `pkg.module:function`.",
        metavar="MODEL",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(help="Weights for the model: .safetensors or a .pt state_dict."),
]
InputShape = Annotated[
    str | None,
    typer.Option(
        help="Input of a factory's network, or of an ONNX file of free sizes, e.g. "
        "3,224,224."
    ),
]
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", help="Recipe (YAML) to prune by.")
]
Data = Annotated[
    str | None,
    typer.Option(
        help="Dataset name, file or folder; WORKBENCH_DATA is looked at too.",
    ),
]
Threads = Annotated[
    int, typer.Option(min=1, max=MAX_THREADS, help="Threads of every engine.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="A parameter of the method; repeatable."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON (stable keys).")]


def parse_shape(text: str | None) -> tuple[int, int, int] | None:
    """Return (C, H, W) from text such as `3,224,224`.

    Raises
    ------
    WorkbenchError
        When the text is not three positive integers.

    Examples
    --------
    >>> parse_shape("3,32,32")
    (3, 32, 32)
    """
    if text is None:
        return None
    parts = text.replace("x", ",").split(",")
    numbers = [int(part) for part in parts if part.strip().isdecimal()]
    if not len(parts) == len(numbers) == 3 or min(numbers) < 1:
        raise WorkbenchError(
            f"--input-shape {text!r}",
            "three positive integers: channels, height, width",
            "Write it as 3,224,224.",
        )
    channels, height, width = numbers
    return channels, height, width


def parse_settings(pairs: list[str] | None) -> dict[str, Any]:
    """Return the parameters written as KEY=VALUE; values read as in a recipe.

    Raises
    ------
    WorkbenchError
        A pair without a key or an equals sign, a key twice, or no plain value.

    Examples
    --------
    >>> parse_settings(["n=4", "criterion=fpgm", "balanced=false", "sparsity=0.8"])
    {'n': 4, 'criterion': 'fpgm', 'balanced': False, 'sparsity': 0.8}
    """
    from workbench.pruning.recipe.plain_yaml import YamlError, read_value

    found: dict[str, Any] = {}
    for pair in pairs or ():
        key, sign, text = pair.partition("=")
        key = key.strip()
        if not key or not sign or key in found:
            raise WorkbenchError(
                f"--set {pair!r}" + (f", '{key}' twice" if key in found else ""),
                "KEY=VALUE, each key once",
                f"Write for example --set {key or 'n'}=4.",
            )
        try:
            found[key] = read_value(text)
        except YamlError:
            raise WorkbenchError(
                f"--set {pair!r}, whose value cannot be read",
                "a number, a word, true or false",
                "Write for example --set n=4.",
            ) from None
    return found


def load_network(
    model: str, weights: Path | None, input_shape: str | None
) -> "Network":
    """Return the network that MODEL, --weights and --input-shape describe."""
    network: Network = wb.load_model(
        model,
        weights=weights,
        input_shape=parse_shape(input_shape),
        random=RANDOM.get(),
        norm=NORM.get(),
        **MODEL_SETTINGS.get(),
    )
    return network


def load_pruned(network: "Network", recipe: Path | None) -> "Network | PrunedNetwork":
    """Return the network pruned by the recipe file, or as it is without one."""
    if recipe is None:
        return network
    pruned: PrunedNetwork = wb.prune(network, wb.Recipe.load(recipe))
    return pruned


def load_data(
    network: "Network | PrunedNetwork", data: str | None, split: str
) -> "Dataset":
    """Return a split of the dataset that belongs to the network.

    A name or file given by `--data` wins; a folder is where the network's own
    dataset is looked for first.
    """
    dataset: Dataset = wb.dataset_for(network, split=split, root=data)
    return dataset
