"""Engines for the page Speed.

Belongs here: which ones are measured unless somebody chooses. Does not belong here: the
measurement and its record (``workflows.bench``).
"""


def usual_peers() -> tuple[str, ...]:
    """Return the engines that are measured unless somebody chooses others."""
    from workbench.measure.peers import peers

    found = peers()
    return tuple(
        name for name in ("torch", "onnxruntime") if found[name].available() is None
    )
