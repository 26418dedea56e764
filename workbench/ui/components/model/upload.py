"""Upload of an ONNX file, or of weights for a known architecture; refusals are said.

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
_SHAPE = "upload_shape"
NOWHERE = "something else"
_RESULT = "upload_result"


def upload() -> None:
    """Draw architecture, file and button; a bad file changes nothing else."""
    with st.popover("Use your own network", icon=":material/upload:"):
        st.markdown(
            "An **ONNX file** (`.onnx`), or weights trained elsewhere for one of the "
            "architectures below: `.safetensors`, or a `.pt` / `.pth` file that holds "
            "a `state_dict`."
        )
        st.file_uploader(
            "ONNX or weights file",
            key=_FILE,
            max_upload_size=networks.MAX_UPLOAD_MB,
            help="Files stay on this machine. Pickled whole models and .pt2 files are "
            "refused, because reading them runs code that is inside them.",
        )
        if _is_onnx():
            st.text_input(
                "Size of one image",
                key=_SHAPE,
                persist_state="session",
                placeholder="3,224,224",
                help="Channels, height, width: only where the file leaves them free.",
            )
        else:
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
        st.button(
            "Load network" if _is_onnx() else "Load weights",
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
            "package.module:factory --weights FILE --input-shape 3,224,224`; "
            "`--model FILE.onnx` works as well."
        )


def _load() -> None:
    """Read the upload; on success the shell's model changes to it."""
    file = st.session_state.get(_FILE)
    if file is None:
        return
    chosen = st.session_state[_DATASET]
    dataset = None if chosen == NOWHERE else chosen
    content = file.getvalue()
    try:
        if _is_onnx():
            shape = st.session_state.get(_SHAPE)
            name = networks.add_onnx(file.name, content, dataset=dataset, shape=shape)
        else:
            kind = st.session_state[_ARCHITECTURE]
            name = networks.add_upload(kind, file.name, content, dataset=dataset)
    except WorkbenchError as error:
        st.session_state[_RESULT] = error
        return
    st.session_state[_RESULT] = name
    st.session_state["model"] = name


def _is_onnx() -> bool:
    """Say whether the file that waits is a network by itself."""
    from workbench.models.sources import is_file

    file = st.session_state.get(_FILE)
    return file is not None and is_file(file.name)
