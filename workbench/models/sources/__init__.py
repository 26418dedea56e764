"""The table of places that models come from: one file and one line each."""

from workbench.models.sources import hub, onnx, python, timm, torchvision
from workbench.models.sources.request import Found, Request, Source

__all__ = [
    "SOURCES",
    "Found",
    "Request",
    "Source",
    "is_file",
    "is_of_source",
    "source_of",
]

SOURCES: tuple[Source, ...] = (
    timm.SOURCE,
    torchvision.SOURCE,
    hub.SOURCE,
    onnx.SOURCE,
    python.SOURCE,
)


def source_of(spec: str) -> tuple[Source, str]:
    """Return the source of a file or a name with a colon, and the rest of the name.

    Examples
    --------
    >>> source, name = source_of("timm:resnet18")
    >>> source.form, name
    ('timm:NAME', 'resnet18')
    >>> source_of("nets:build")[0].form
    'package.module:function'
    >>> source_of("nets/mine.onnx")[0].form
    'FILE.onnx'
    """
    for source in SOURCES:
        if source.suffix and spec.lower().endswith(source.suffix):
            return source, spec
    prefix, _, name = spec.partition(":")
    for source in SOURCES:
        if source.prefix == prefix:
            return source, name
    return python.SOURCE, spec


def is_file(spec: str) -> bool:
    """Say whether a name is that of a file which is a network by itself."""
    return any(s.suffix and spec.lower().endswith(s.suffix) for s in SOURCES)


def is_of_source(spec: str) -> bool:
    """Say whether a name is one of a source: it has a colon, or a file's suffix."""
    return ":" in spec or is_file(spec)
