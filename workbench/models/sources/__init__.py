"""The table of places that models come from: one file and one line each."""

from workbench.models.sources import hub, python, timm, torchvision
from workbench.models.sources.request import Found, Request, Source

__all__ = ["SOURCES", "Found", "Request", "Source", "source_of"]

SOURCES: tuple[Source, ...] = (
    timm.SOURCE,
    torchvision.SOURCE,
    hub.SOURCE,
    python.SOURCE,
)


def source_of(spec: str) -> tuple[Source, str]:
    """Return the source that a name with a colon belongs to, and the rest of it.

    Examples
    --------
    >>> source, name = source_of("timm:resnet18")
    >>> source.form, name
    ('timm:NAME', 'resnet18')
    >>> source_of("nets:build")[0].form
    'package.module:function'
    """
    prefix, _, name = spec.partition(":")
    for source in SOURCES:
        if source.prefix == prefix:
            return source, name
    return python.SOURCE, spec
