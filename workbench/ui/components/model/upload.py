"""Upload of weights for a known architecture, with refusals said in the page.

Belongs here: the form. Does not belong here: reading files (``models.loading``).
"""

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui import theme
from workbench.ui.notices import show_error
from workbench.ui.services import catalog, networks

_FILE = "upload_file"
_ARCHITECTURE = "upload_architecture"
_DATASET = "upload_dataset"
NOWHERE = "something else"
_RESULT = "upload_result"


def upload() -> None:
    """Draw architecture, file and button; a bad file changes nothing else."""
    with st.popover("Use your own weights", icon=":material/upload:"):
        st.markdown(
            "Weights trained elsewhere for one of the architectures below: "
            "`.safetensors`, or a `.pt` / `.pth` file that holds a `state_dict`."
        )
        st.selectbox(
            "Architecture",
            catalog.architecture_names(),
            key=_ARCHITECTURE,
            persist_state="session",
        )
        st.selectbox(
            "Trained on",
            (*catalog.dataset_names(), NOWHERE),
            key=_DATASET,
            persist_state="session",
            help="Images that accuracy is measured on.",
        )
        st.file_uploader(
            "Weights file",
            key=_FILE,
            max_upload_size=networks.MAX_UPLOAD_MB,
            help="Files stay on this machine. Pickled whole models and .pt2 files are "
            "refused, because reading them runs code that is inside them.",
        )
        st.button(
            "Load weights",
            type=theme.main_button(),
            on_click=_load,
            disabled=st.session_state.get(_FILE) is None,
        )
        result = st.session_state.get(_RESULT)
        if isinstance(result, WorkbenchError):
            show_error(result)
        elif result is not None:
            st.success(f"Loaded and selected: {result}", icon=":material/check:")
        st.caption(
            "Networks of your own code: `python -m workbench app --model "
            "package.module:factory --weights FILE --input-shape 3,224,224`."
        )


def _load() -> None:
    """Read the upload; on success the shell's model changes to it."""
    file = st.session_state.get(_FILE)
    if file is None:
        return
    dataset = st.session_state[_DATASET]
    try:
        name = networks.add_upload(
            st.session_state[_ARCHITECTURE],
            file.name,
            file.getvalue(),
            dataset=None if dataset == NOWHERE else dataset,
        )
    except WorkbenchError as error:
        st.session_state[_RESULT] = error
        return
    st.session_state[_RESULT] = name
    st.session_state["model"] = name
