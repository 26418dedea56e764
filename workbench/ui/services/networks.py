"""The network in force: samples are shared by all sessions, uploads belong to one.

Belongs here: loading and caching. Nothing here changes a cached network: pruning and
re-estimation return new objects. Does not belong here: drawing.
"""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.models.offered import given_networks
from workbench.ui.services import catalog, recipes
from workbench.ui.services.pruned_cache import LARGE, PrunedCache

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork
    from workbench.pruning.recipe.recipe import Recipe

MAX_UPLOAD_MB = 600


def current() -> "Network":
    """Return the network that the shell names."""
    return named(st.session_state["model"])


def named(name: str) -> "Network":
    """Return the network that the page offers under a name."""
    uploads = st.session_state.get(catalog.UPLOADS, {})
    if name in uploads:
        network: Network = uploads[name]
        return network
    if name in given_networks():
        return given_networks()[name][1]
    return sample(name)


@st.cache_resource(max_entries=4, show_spinner="Loading the network…")
def sample(name: str) -> "Network":
    """Return a sample network; one object for all sessions, never changed."""
    network: Network = wb.load_model(name)
    return network


@st.cache_resource(show_spinner=False)
def _pruned_cache() -> PrunedCache:
    return PrunedCache()


def pruned(network: "Network", recipe: "Recipe") -> "PrunedNetwork":
    """Return the network pruned by a recipe; the same pair gives the same object.

    Under an empty recipe it has the dense network's own module: nothing to copy.
    """
    if recipes.is_empty(recipe):
        return untouched(network, recipe)
    weights = sum(layer.params for layer in network.layers)
    with st.spinner("Pruning…") if weights >= LARGE else nullcontext():
        return _pruned_cache().take(
            (network.digest, recipe.dump()), weights, lambda: wb.prune(network, recipe)
        )


def untouched(network: "Network", recipe: "Recipe") -> "PrunedNetwork":
    """Return the dense network in the form of a pruned one."""
    from workbench.pruning.pruned import PrunedNetwork
    from workbench.pruning.recipe.assign import assign
    from workbench.pruning.report import make_report

    methods = {row.layer.id: row.method for row in assign(recipe, network)}
    report = make_report(network.layers, {}, methods=methods, notes={})
    return PrunedNetwork(network, network.module, {}, recipe, report)


def add_upload(
    architecture: str, file_name: str, content: bytes, *, dataset: str | None
) -> str:
    """Load uploaded weights into a known architecture and keep the network.

    Parameters
    ----------
    architecture : str
        Name in the architecture table, whose layers the weights must fit.
    file_name : str
        As the browser named it.
    content : bytes
        The file: safetensors, or a state_dict.
    dataset : str or None
        What the network was trained on, if known.

    Returns
    -------
    str
        The name under which the shell offers it.

    Raises
    ------
    WorkbenchError
        The file is not what it must be; the session is left as it was.
    """
    from workbench.models.loading import load_upload

    safe = _whole(file_name, content, "weights as .safetensors or a .pt state_dict")
    name = f"{architecture} · {safe}"
    return _keep(load_upload(architecture, content, name=name, dataset=dataset))


def add_onnx(
    file_name: str, content: bytes, *, dataset: str | None, shape: str | None
) -> str:
    """Keep the network of an uploaded ONNX file; return the name that it is offered by.

    Parameters
    ----------
    file_name : str
        As the browser named it.
    content : bytes
        The file.
    dataset : str or None
        What the network was trained on, if known.
    shape : str or None
        "3,224,224", where the file leaves sizes free.

    Raises
    ------
    WorkbenchError
        The file is not what it must be; the session is left as it was.
    """
    from workbench.cli.options import parse_shape
    from workbench.models.loading import load_onnx

    name = _whole(file_name, content, "a network as .onnx")
    size = parse_shape(shape or None)
    return _keep(load_onnx(content, name=name, dataset=dataset, input_shape=size))


def _whole(file_name: str, content: bytes, wanted: str) -> str:
    """Return a file's name without its path; refuse an empty file."""
    safe = Path(file_name).name
    if content:
        return safe
    raise WorkbenchError(
        f"an empty file {safe!r}", wanted, "Export it again and upload that file."
    )


def _keep(network: "Network") -> str:
    """Offer a network to this session; return its name."""
    uploads = st.session_state.get(catalog.UPLOADS, {})
    st.session_state[catalog.UPLOADS] = {**uploads, network.name: network}
    return network.name
