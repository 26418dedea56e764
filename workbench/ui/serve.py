"""Start the server, and bring the large libraries in while the browser is still coming.

Belongs here: the process of `workbench app`. Does not belong here: checking what the
command was given (``cli.commands.app_``), pages.
"""

import importlib
import sys
import threading

from workbench.ui.server import FLAGS

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


def main() -> None:
    """Serve the script that the arguments name, as ``streamlit run`` does."""
    from streamlit.web import cli

    warm()
    sys.argv = ["streamlit", "run", *sys.argv[1:], *FLAGS]
    cli.main(prog_name="streamlit")


if __name__ == "__main__":
    main()
