"""Model: the network, its layers, its kernels at a glance, what it answers."""

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.components.model.architecture_graph import architecture_graph
from workbench.ui.components.model.first_look import first_look
from workbench.ui.components.model.headline import headline
from workbench.ui.components.model.layer_times import layer_times, with_times
from workbench.ui.components.model.predictions import predictions
from workbench.ui.components.model.upload import upload
from workbench.ui.components.model.work_chart import work_chart
from workbench.ui.components.mosaic import mosaic
from workbench.ui.components.shared.data_help import data_help
from workbench.ui.components.shared.layer_picker import choose_layer
from workbench.ui.components.shared.layer_table import layer_table
from workbench.ui.components.shared.snippets import snippets
from workbench.ui.format import literal
from workbench.ui.services import (
    accuracy,
    code,
    costs,
    data,
    images,
    networks,
    recipes,
    settled,
)
from workbench.ui.services.pictures import layer_view

with st.container(horizontal=True, vertical_alignment="center"):
    st.header(literal(st.session_state["model"]), width="stretch")
    actions = st.container(horizontal=True, width="content")

network = networks.current()
with actions:
    upload()
    snippets(
        command=f"python -m workbench inspect {code.argument(network)}\n"
        f"python -m workbench eval {code.argument(network)}",
        python=code.opening(network)
        + 'data = wb.dataset_for(net, split="test", root=None)\n'
        "print(wb.evaluate(net, data))",
        key="model-code",
    )

tiles = st.container()
recipe = recipes.current()
pruned = None if recipes.is_empty(recipe) else networks.pruned(network, recipe)
used = None if pruned is None else settled.current(network, pruned)
shown = network if used is None else used.network
rows = costs.layer_rows(pruned or network)

left, right = st.columns([9, 5], gap="medium")
with right:
    layer = choose_layer(network)
    view = layer_view(network, pruned, layer.id, height_px=480)
    mosaic(view, key=f"glance-{network.digest[:8]}-{layer.id}")
with left:
    st.markdown("**Layers**")
    layer_table(with_times(rows, pruned or network), layer.id, key="layer-table")
    layer_times(pruned or network)
    work_chart(rows, layer.id, network.name)

architecture_graph(network, rows, layer.id)
measured = None
problem = None
try:
    images_in_force = data.current(network)
    with st.spinner(f"Measuring accuracy on {len(images_in_force)} images…"):
        measured = accuracy.accuracy(shown, images_in_force), images_in_force
except WorkbenchError as error:
    problem = error
with tiles:
    headline(costs.network_cost(pruned or network), measured, used)
    if used is not None:
        state = "with batch norms re-estimated" if used.kept else f"raw: {used.why}"
        st.caption(
            f"Numbers are of the network pruned by your recipe (page Prune), {state}. "
            "Undo it there to see the dense network."
        )

if pruned is None:
    first_look(network)
st.subheader("What it answers")
if problem is not None:
    data_help(problem, network)
elif measured is not None:
    page = st.number_input(
        "Handful",
        1,
        max(1, len(measured[1]) // images.HANDFUL),
        1,
        key="handful",
        bind="query-params",
        width=130,
        help="Eight images at a time, in an order that the seed shuffles.",
    )
    seed = recipes.seed()
    predictions(images.predict(shown, measured[1], handful=page, seed=seed))
    st.caption(
        f"{measured[1].name}, {measured[1].split} images; the number is the "
        "probability that the network gives its answer."
    )
