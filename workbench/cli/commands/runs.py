"""`workbench runs`: what was done in a workspace: list, show, compare, rm."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.options import AsJson
from workbench.cli.output import percent, print_json, print_line, print_table
from workbench.cli.workspace import Workspace, open_store
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.store.run import Run
    from workbench.store.store import Store

ACTIONS = ("list", "show", "compare", "rm")


def run(
    action: Annotated[
        str, typer.Argument(help="list, show RUN, compare RUN RUN or rm RUN ...")
    ] = "list",
    ids: Annotated[
        list[str] | None, typer.Argument(help="Ids, or how they begin.", metavar="RUN")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only runs of this kind, for list.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, for list.")] = 50,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """List the runs of a workspace, show one, compare two, or delete some."""
    names = ids or []
    needed = {"list": 0, "show": 1, "compare": 2}
    if action not in ACTIONS or len(names) != needed.get(action, len(names) or -1):
        raise WorkbenchError(
            f"runs {' '.join([action, *names])}",
            "list, show RUN, compare RUN RUN, or rm RUN ...",
            "See the ids with: workbench runs list.",
        )
    with open_store(workspace) as store:
        if action == "list":
            _list(store.runs(kind=kind, limit=limit), as_json)
        elif action == "show":
            _show(store, names[0], as_json)
        elif action == "compare":
            _compare(store, names[0], names[1], as_json)
        else:
            removed = [store.rm(store.get(name).id).id for name in names]
            if as_json:
                print_json({"removed": removed})
            else:
                print_line("removed " + ", ".join(removed))


def _list(runs: "tuple[Run, ...]", as_json: bool) -> None:
    if as_json:
        print_json({"runs": [one.to_dict() for one in runs]})
        return
    print_table(
        f"{len(runs)} runs, the newest first",
        ("id", "kind", "status", "model", "what came out", "rows"),
        [
            (
                one.id,
                one.kind,
                one.status,
                one.inputs.get("model"),
                headline(one),
                one.rows or None,
            )
            for one in runs
        ],
    )


def headline(run: "Run") -> str:
    """Return the one result of a run that people look for."""
    found = []
    accuracy = run.results.get("accuracy")
    inner = accuracy if isinstance(accuracy, dict) else {}
    for name, value in {**run.results, **inner}.items():
        if isinstance(value, dict) and isinstance(value.get("top1"), float):
            found.append(f"{name} top-1 {percent(value['top1'])}")
    if isinstance(run.results.get("sparsity"), float):
        found.append(f"sparsity {run.results['sparsity']:.3f}")
    if "path" in run.results:
        found.append(str(run.results["path"]))
    return ", ".join(found) or run.error


def _show(store: "Store", name: str, as_json: bool) -> None:
    run = store.get(name)
    rows, files = store.rows(run.id), store.attachments(run.id)
    if as_json:
        print_json({**run.to_dict(), "cells": rows, "files": dict(files)})
        return
    print_line(f"{run.id}  {run.kind}  {run.status}  {run.created}")
    for title, values in (("inputs", run.inputs), ("results", run.results)):
        print_line(f"{title}:")
        print_line(json.dumps(dict(values), indent=2, sort_keys=True))
    if run.error:
        print_line(f"error: {run.error}")
    for key in rows:
        print_line(f"row: {key}")
    for file, digest in files.items():
        print_line(f"file: {file} {digest[:12]}")


def _compare(store: "Store", a: str, b: str, as_json: bool) -> None:
    found = store.compare(a, b)
    if as_json:
        print_json(
            {
                "differences": [
                    {"name": one.name, "a": one.a, "b": one.b, "delta": one.delta}
                    for one in found
                ]
            }
        )
        return
    print_table(
        f"{len(found)} differences",
        ("value", store.get(a).id, store.get(b).id, "delta"),
        [
            (
                one.name,
                _short(one.a),
                _short(one.b),
                "" if one.delta is None else f"{one.delta:+.6g}",
            )
            for one in found
        ],
    )


def _short(value: object) -> str:
    text = "-" if value is None else str(value).replace("\n", " ")
    return text if len(text) <= 40 else text[:37] + "..."
