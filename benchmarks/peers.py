"""The table against every other engine: the same pruned weights, interleaved.

    python -m benchmarks.peers --all                         # all rows, 1 and 2 threads
    python -m benchmarks.peers --rows mobilenetv1-224:0.9 --threads 1
    python -m benchmarks.peers --all --convert               # only the conversions
    python -m benchmarks.peers --all --tables                # as in docs/measured

Unstructured: every convolution but the first and the depthwise ones, by magnitude per
layer. PCONV: each 3x3 kernel keeps 4 of 9 weights in one of 8 patterns, and three
quarters of all kernels (1x1 too) are removed by norm. Outputs are checked first;
ratio = rival time / our time. A row runs in a process of its own, pinned to as many
cores as threads; its result is saved when it ends, and a row that has one from the same
kernels is not measured again. Our programs are tuned with a cache of their own in the
folder of results: times that a busy machine left elsewhere play no part. Layers alone
(benchmarks/layers.py) come after the rows of one thread. Dense engines gain nothing
from zeros: rows of pruned weights leave out those that on dense weights took over
`NEAR` times the best one's time. An engine that is absent, refused or crashes is named
below the table.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import peer_table
from benchmarks.peer_rows import (
    DATA_DRIVEN,
    OUR_DENSE,
    OURS,
    SPARSE_ENGINES,
    Row,
    default_folder,
    find_rows,
    load,
    weights_of,
)
from workbench.engine.planning.timing_cache import default_cache, machine_key
from workbench.measure.contenders import Contender, peer_contender, subject_of
from workbench.measure.interleave import Settings, measure_contenders
from workbench.measure.peers import ours
from workbench.measure.peers.protocol import Setup, Subject
from workbench.measure.peers.table import PEERS

NEAR = 1.2
SLOW = 2.0
"""Dense rows of 2 threads leave out who took so many times the best with 1."""

ROUNDS = 200
ROW_LIMIT_S = 420.0
TRIES = 3
UNTUNED = "left out unless named in --engines: untuned it is tens of times slower"


def main() -> None:
    """Measure the rows that have no result yet and print the table."""
    options = _options()
    if options.row:
        _child(options)
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.tables:
        sys.stdout.write(peer_table.published(options.folder, options.threads))
        return
    rows = find_rows("" if options.all else options.rows)
    for count in options.threads:
        for row in rows:
            if options.again or not _done(options.folder, row, count):
                _measure(row, count, options)
                if not options.convert:
                    _write_table(options)
        if options.all and count == 1 and not options.convert:
            _layers_alone(options)
    if options.convert:
        return
    _write_table(options)
    print((options.folder / "table.md").read_text())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--all", action="store_true", help="every row, whatever --rows says")
    add("--rows", default="", help="parts of network:weights, separated by commas")
    add("--threads", type=int, nargs="+", default=[1, 2])
    add("--seconds", type=float, default=3.0, help="for each engine of a row")
    add("--budget", type=float, help="seconds to tune our programs, not the default")
    add("--engines", default="", help="only these, separated by commas")
    add("--folder", type=Path, default=default_folder(), help="of results and table")
    add("--again", action="store_true", help="measure rows that have a result too")
    add("--convert", action="store_true", help="only convert networks for engines")
    add("--tables", action="store_true", help="measure nothing; print the tables")
    add("--row", default="", help=argparse.SUPPRESS)
    add("--without", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def _done(folder: Path, row: Row, threads: int) -> bool:
    result = peer_table.read(folder, row, threads)
    return result is not None and result.get("kernels") == machine_key(threads)


def _measure(row: Row, threads: int, options: argparse.Namespace) -> None:
    """Run one row in a process of its own; again without an engine that kills it."""
    gone: dict[str, str] = {}
    started = time.monotonic()
    for _ in range(TRIES):
        shown = _run_child(row, threads, options, without=tuple(gone))
        if shown is None:
            break
        culprit = _last_engine(options.folder)
        gone[culprit] = shown
        print(f"{row.key}, {threads}: {culprit} {shown}", flush=True)
        if culprit in (OURS, ""):
            break
    if not options.convert:
        _add(options.folder, row, threads, gone)
    seconds = time.monotonic() - started
    print(f"{row.key}, {threads} thread(s): {seconds:.0f} s", flush=True)


def _run_child(
    row: Row, threads: int, options: argparse.Namespace, *, without: tuple[str, ...]
) -> str | None:
    """Return None, or how the process of the row died."""
    _note(options.folder, "")
    arguments = ["--row", row.key, "--threads", threads, "--folder", options.folder]
    arguments += ["--seconds", options.seconds]
    arguments += ["--budget", options.budget] if options.budget is not None else []
    arguments += ["--engines", options.engines, "--without", ",".join(without)]
    arguments += ["--convert"] if options.convert else []
    log = options.folder / "log.txt"
    with log.open("a") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers", *map(str, arguments)],
            stdout=file,
            stderr=file,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )
        try:
            code = process.wait(ROW_LIMIT_S)
        except subprocess.TimeoutExpired:
            # Engines in other interpreters belong to the same group.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"did not end within {ROW_LIMIT_S:.0f} s"
    return None if code == 0 else f"ended the process with code {code}, see {log}"


def _layers_alone(options: argparse.Namespace) -> None:
    """Measure layers alone against the peak of one core, unless that was done."""
    path = peer_table.layers_path(options.folder)
    mark = f"<!-- {machine_key(1)} -->\n"
    if path.is_file() and path.read_text().startswith(mark) and not options.again:
        return
    started, core = time.monotonic(), str(max(os.sched_getaffinity(0)))
    command = ["taskset", "-c", core, sys.executable, "-m", "benchmarks.layers"]
    environment = os.environ | {"XDG_CACHE_HOME": str(_own_cache(options.folder))}
    with (options.folder / "log.txt").open("a") as log:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        )
    if done.returncode == 0:
        path.write_text(mark + done.stdout)
    print(f"layers alone: {time.monotonic() - started:.0f} s", flush=True)


def _own_cache(folder: Path) -> Path:
    """Return the cache of times measured for this table."""
    return folder.resolve() / "cache"


def _child(options: argparse.Namespace) -> None:
    """Measure one row in this process and write its result."""
    (threads,), (row,) = options.threads, find_rows(options.row)[:1]
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[-threads:])
    contenders, left_out = _contenders(row, threads, options)
    os.environ["XDG_CACHE_HOME"] = str(_own_cache(options.folder))
    if options.convert:
        for one in contenders:
            _convert(one, Setup(threads))
        return
    measured = measure_contenders(
        contenders,
        threads=threads,
        rounds=ROUNDS,
        settings=Settings(
            budget_s=options.seconds * len(contenders), tune_s=options.budget
        ),
    )
    result = measured.to_dict(baseline=_baseline(measured.timed))
    result |= {"weights": row.weights, "left_out": left_out}
    result["kernels"] = machine_key(threads)
    _save(peer_table.result_path(options.folder, row, threads), result)


def _contenders(
    row: Row, threads: int, options: argparse.Namespace
) -> tuple[list[Contender], dict[str, str]]:
    """Return who takes part, and who does not and why."""
    keep = default_cache() / "peers"
    network = load(row.network)
    subject = subject_of(weights_of(network, row.weights), keep=keep)
    found = [peer_contender(ours.PEER, subject, name=OURS)]
    if DATA_DRIVEN in row.extra:
        found.append(
            replace(
                found[0],
                name=DATA_DRIVEN,
                prepare=partial(ours.prepare, subject, generated=False),
            )
        )
    if OUR_DENSE in row.extra:
        dense = subject_of(network, keep=keep)
        found.append(peer_contender(ours.PEER, dense, name=OUR_DENSE))
    left_out = _left_out(row, threads, options)
    found += [
        peer_contender(peer, subject, name=peer.name)
        for peer in PEERS
        if peer.name != OURS and peer.name not in left_out
    ]
    folder = options.folder
    return [_noted(one, folder) for one in found], left_out


def _left_out(row: Row, threads: int, options: argparse.Namespace) -> dict[str, str]:
    """Return engines that are not worth their time in this row, with the reason."""
    without = [name for name in options.without.split(",") if name]
    gone = dict.fromkeys(without, "it ended the process before")
    names = [peer.name for peer in PEERS if peer.name != OURS]
    if options.engines:
        wanted = options.engines.split(",")
        return {name: "not asked for" for name in names if name not in wanted} | gone
    gone["tvm"] = UNTUNED
    if row.weights == "dense":
        gone["mnn_sparse"] = "there are no zeros"
        factor, count = SLOW, 1
        if threads == 1:
            return gone
    else:
        factor, count = NEAR, threads
    dense = replace(row, weights="dense", extra=())
    counts = (count, 1)
    known = [peer_table.read(options.folder, dense, one) for one in counts]
    result = next((one for one in known if one is not None), None)
    if result is None:
        return gone
    shown = {one["name"]: one["median_ms"] for one in result["rows"]}
    rated = {
        name: ms
        for name, ms in shown.items()
        if ms is not None and name not in peer_table.OUR_NAMES
    }
    limit = factor * min(rated.values(), default=0.0)
    for name, ms in rated.items():
        if ms > limit and name not in SPARSE_ENGINES:
            gone.setdefault(name, f"over {factor:g} times the best on dense weights")
    return gone


def _noted(contender: Contender, folder: Path) -> Contender:
    """Return a contender that says so before it loads: it may end the process."""

    def prepare(setup: Setup) -> Any:
        _note(folder, contender.engine)
        started = time.monotonic()
        runner = contender.prepare(setup)
        seconds = time.monotonic() - started
        print(f"{contender.name}: ready after {seconds:.1f} s", file=sys.stderr)
        _note(folder, "")
        return runner

    return replace(contender, prepare=prepare)


def _convert(contender: Contender, setup: Setup) -> None:
    """Let an engine convert the network; what it loads is thrown away."""
    subject: Subject = contender.subject
    if contender.absent or contender.engine.startswith(("workbench", "torch")):
        return
    try:
        contender.prepare(setup).close()
    except Exception as error:  # noqa: BLE001 - the measurement will tell
        print(f"{contender.name} {subject.owner.name}: {error}", file=sys.stderr)


def _baseline(timed: Any) -> str | None:
    names = [row.name for row in timed]
    return OURS if OURS in names else None


def _note(folder: Path, engine: str) -> None:
    (folder / "loading.txt").write_text(engine)


def _last_engine(folder: Path) -> str:
    return (folder / "loading.txt").read_text().strip()


def _add(folder: Path, row: Row, threads: int, gone: dict[str, str]) -> None:
    """Add to a row's result who had to be left out; make one if there is none."""
    if not gone and _done(folder, row, threads):
        return
    path = peer_table.result_path(folder, row, threads)
    if _done(folder, row, threads):
        result = dict(peer_table.read(folder, row, threads) or {})
        result["left_out"] = result.get("left_out", {}) | gone
    else:
        problem = "; ".join(f"{name} {why}" for name, why in gone.items())
        result = {
            "rows": [],
            "absent": [],
            "weights": row.weights,
            "problem": problem or "no result",
        }
    _save(path, result)


def _save(path: Path, result: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1))
    os.replace(part, path)


def _write_table(options: argparse.Namespace) -> None:
    folder, threads = options.folder, options.threads
    (folder / "table.md").write_text(peer_table.markdown(folder, threads))
    records = peer_table.verdicts(folder, threads)
    (folder / "table.json").write_text(json.dumps(records, indent=1))


if __name__ == "__main__":
    main()
