"""Which executor a name stands for.

Belongs here: the choice; Ray is imported only where it is asked for. Does not belong
here: the executors.
"""

from workbench.errors import WorkbenchError
from workbench.workflows.sweep.executors import LocalExecutor, SweepExecutor
from workbench.workflows.sweep.process_executor import ProcessExecutor


def executor_named(
    name: str, *, address: str | None = None, workers: int | None = None
) -> SweepExecutor:
    """Return the executor of that name.

    Parameters
    ----------
    name : str
        "local" or "ray".
    address : str or None
        Of the Ray cluster.
    workers : int or None
        Processes; None takes one here, and every processor of a Ray cluster.

    Raises
    ------
    WorkbenchError
        There is none, or an address was given to one that has none.
    """
    if name == "local" and address is None:
        if workers is None or workers == 1:
            return LocalExecutor()
        return ProcessExecutor(workers)
    if name == "ray":
        from workbench.workflows.sweep.ray_executor import RayExecutor

        return RayExecutor(address=address, workers=workers)
    raise WorkbenchError(
        f"--executor {name}" + (f" --address {address}" if address else ""),
        "local, or ray with --address HOST:PORT",
        "Choose one of them.",
    )
