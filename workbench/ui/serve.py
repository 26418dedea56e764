"""Start the server, and bring the large libraries in while the browser is still coming.

Belongs here: the process of `workbench app`, which loads the networks that it was told
to offer before it serves. Does not belong here: checking what the command was given
(``cli.commands.app_``), pages.
"""

import contextlib
import importlib
import os
import sys
import threading

from workbench.cli.commands.app import WHERE
from workbench.cli.output import print_error, print_line
from workbench.errors import WorkbenchError
from workbench.ui.server import ADDRESS, FLAGS

# What the first page needs and takes seconds to import. None of it is ours: two threads
# never hold halves of one another's packages then.
LARGE = ("torch", "pandas", "altair", "pyarrow.csv")


def warm() -> threading.Thread:
    """Return a thread that imports ``LARGE``; a page that needs one waits for it."""

    def bring() -> None:
        for name in LARGE:
            importlib.import_module(name)

    thread = threading.Thread(target=bring, name="imports", daemon=True)
    thread.start()
    return thread


def load_given() -> None:
    """Load the networks of `--model`, from the folder that the command was typed in.

    Raises
    ------
    WorkbenchError
        One of them cannot be loaded.
    """
    from workbench.data.loading import dataset_for
    from workbench.models.offered import given_networks, read_order

    folder = os.environ.get(WHERE, os.getcwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    with contextlib.chdir(folder):
        found = given_networks()
    place = read_order().data
    for name, (_, network) in found.items():
        print_line(f"Offered: {name}, {len(network.layers)} layers")
        try:
            dataset_for(network, root=place)
        except WorkbenchError as error:
            print_line(f"  no images: {error.found}; expected {error.expected}")


def main() -> None:
    """Serve the script that the arguments name, as ``streamlit run`` does."""
    from streamlit.web import cli

    try:
        load_given()
    except WorkbenchError as error:
        print_error(error)
        sys.exit(2)
    port = sys.argv[sys.argv.index("--server.port") + 1]
    print_line(f"Pruning Workbench: http://{ADDRESS}:{port}")
    sys.stdout.flush()
    warm()
    sys.argv = ["streamlit", "run", *sys.argv[1:], *FLAGS]
    cli.main(prog_name="streamlit")


if __name__ == "__main__":
    main()
