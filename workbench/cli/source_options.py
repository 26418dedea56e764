"""`--random`, `--norm` and `--set` of every command that takes a MODEL.

Belongs here: adding the options to commands, and reading their values. Does not
belong here: loading (``options``) and sources (``models.sources``).
"""

import ast
import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from types import MappingProxyType
from typing import Annotated, Any

import typer

from workbench.errors import WorkbenchError
from workbench.models.norm import Norm, read_norm

RANDOM: ContextVar[bool] = ContextVar("random_weights", default=False)
NORM: ContextVar[Norm | None] = ContextVar("norm", default=None)
MODEL_SETTINGS: ContextVar[Mapping[str, Any]] = ContextVar(
    "model_settings",
    default=MappingProxyType({}),
)

OF_MODEL = "model."
"""Before the keys of a model's settings, where `--set` has others as well."""

Random = Annotated[
    bool,
    typer.Option("--random", help="Random weights of a fixed seed, none of the hub."),
]
GivenNorm = Annotated[
    str | None,
    typer.Option(
        "--norm",
        metavar="MEAN/STD",
        help="What its images are normalised with, one number or one a channel: "
        "0.485,0.456,0.406/0.229,0.224,0.225, or 127/128 of pixels 0..255.",
    ),
]
ModelSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="An argument of the factory or library function; repeatable.",
    ),
]


def with_source_options(run: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command with these options, where it takes a model.

    A command whose `--set` is for something else takes the model's as
    ``--set model.KEY=VALUE``.
    """
    signature = inspect.signature(run)
    if "model" not in signature.parameters or "weights" not in signature.parameters:
        return run
    own = next(
        (n for n, p in signature.parameters.items() if "--set" in _names(p.annotation)),
        None,
    )
    added: list[tuple[str, Any, Any]] = [
        ("random_weights", Random, False),
        ("norm", GivenNorm, None),
    ]
    if own is None:
        added.append(("model_settings", ModelSettings, None))
    more = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
        )
        for name, kind, default in added
    ]

    @wraps(run)
    def command(*words: Any, **options: Any) -> Any:
        RANDOM.set(options.pop("random_weights"))
        norm = options.pop("norm")
        NORM.set(None if norm is None else read_norm(norm))
        pairs = options.pop("model_settings", None) or []
        if own is not None:
            given = options[own] or []
            pairs = [p.removeprefix(OF_MODEL) for p in given if p.startswith(OF_MODEL)]
            rest = [pair for pair in given if not pair.startswith(OF_MODEL)]
            options[own] = rest or None
        MODEL_SETTINGS.set(read_settings(pairs))
        return run(*words, **options)

    parameters = [*signature.parameters.values(), *more]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {
        **getattr(run, "__annotations__", {}),
        **{name: kind for name, kind, _ in added},
    }
    return command


def _names(annotation: Any) -> tuple[str, ...]:
    """Return the names of an option, as a parameter is annotated with them."""
    # typer reads the first name of an annotated option as its default, at first.
    return tuple(
        name
        for part in getattr(annotation, "__metadata__", ())
        for name in (getattr(part, "default", None), *(part.param_decls or ()))
        if isinstance(name, str)
    )


def read_settings(pairs: list[str]) -> dict[str, Any]:
    """Return settings written as KEY=VALUE: Python literals, other words as they are.

    Examples
    --------
    >>> read_settings(["num_classes=3", "act=relu", "sizes=(1, 2)", "deep=true"])
    {'num_classes': 3, 'act': 'relu', 'sizes': (1, 2), 'deep': True}
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not key.strip().isidentifier() or not sign or key.strip() in found:
            raise WorkbenchError(
                f"--set {pair!r}",
                "KEY=VALUE, each key once, the name of an argument",
                "Write for example --set num_classes=3.",
            )
        found[key.strip()] = _literal(text.strip())
    return found


def _literal(text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
