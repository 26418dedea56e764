"""`package.module:function`: a factory of one's own."""

from workbench.errors import WorkbenchError
from workbench.models.factory import call_factory
from workbench.models.sources.request import SEED, Found, Request, Source, seeded

NOTE = f"weights as the factory makes them; what it draws, it draws with seed {SEED}"


def load(request: Request) -> Found:
    """Return what the factory makes; random weights are the same each time.

    Raises
    ------
    WorkbenchError
        No input shape, or a factory that fails.
    """
    if request.input_shape is None:
        raise WorkbenchError(
            f"no input shape for '{request.spec}'",
            "the shape of one image: channels, height, width",
            "Add input_shape=(3, 224, 224), or --input-shape 3,224,224.",
        )
    with seeded():
        module = call_factory(request.spec, request.settings)
    return Found(module, notes=() if request.weights else (NOTE,))


SOURCE = Source("", "package.module:function", load)
