"""Every run of a workspace: recorded, found again, compared.

Belongs here: what callers do with runs. Does not belong here: SQLite's affairs
(database.py), the values (run.py).
"""

import json
import os
import secrets
import sqlite3
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.owner import is_alive, this_process
from workbench.store.database import Damage, Database, checksum, fits
from workbench.store.files import Files
from workbench.store.run import (
    Difference,
    Json,
    Run,
    Status,
    canonical,
    compare_runs,
    run_key,
)

DEFAULT_FOLDER = ".workbench"
_COLUMNS = "id, kind, key, status, owner, created, finished, inputs, results, error"
_COUNT = "(SELECT COUNT(*) FROM rows WHERE rows.run = runs.id)"


class Store:
    """Return the store of a workspace folder, made when it does not exist.

    Several processes may use one workspace at once. A killed process loses at most
    the row it was writing.

    Parameters
    ----------
    workspace : str or Path or None
        None takes the variable WORKBENCH_HOME, else `.workbench` in the current
        folder.

    Attributes
    ----------
    damage : Damage or None
        Set when the database was damaged: it was set aside under the name that this
        tells, and a new one begun.

    Raises
    ------
    WorkbenchError
        When the folder cannot be made, or its runs cannot even be read. One that can
        be read but not written is opened; what would write then fails.
    """

    def __init__(self, workspace: str | Path | None = None) -> None:
        self.folder = Path(
            workspace or os.environ.get("WORKBENCH_HOME") or DEFAULT_FOLDER
        )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkbenchError(
                found=f"cannot make the workspace {self.folder} ({error.strerror})",
                expected="a folder this user may write to",
                next_step="Set WORKBENCH_HOME to another folder.",
            ) from error
        self._database = Database(self.folder)
        self._files = Files(self.folder / "files")

    @property
    def damage(self) -> Damage | None:
        """What was found broken and set aside when the store was opened."""
        return self._database.damage

    def close(self) -> None:
        """Give back the files that the store holds open."""
        self._database.close()

    def add_run(self, kind: str, *, inputs: Json, results: Json) -> Run:
        """Record a run that is over; return it.

        Parameters
        ----------
        kind : str
            What was done.
        inputs, results : mapping
            JSON values; inputs name model, recipe, data and machine by digest.
        """
        run_id = self._insert(kind, "done", inputs, results)
        return self.get(run_id)

    def start_run(self, kind: str, *, inputs: Json) -> str:
        """Record that a run begins; return its id for `add_row` and `finish`."""
        return self._insert(kind, "running", inputs, {})

    def add_row(self, run_id: str, key: str, row: Json) -> None:
        """Record a partial result at once; the same key again replaces it."""
        text = _json(row)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)",
                (run_id, key, text, checksum(run_id, key, text)),
            )

    def add_rows(self, run_id: str, rows: Mapping[str, Json]) -> None:
        """Record several partial results in one transaction."""
        texts = {key: _json(row) for key, row in rows.items()}
        with self._database.writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)",
                [
                    (run_id, key, text, checksum(run_id, key, text))
                    for key, text in texts.items()
                ],
            )

    def rows(self, run_id: str) -> dict[str, Json]:
        """Return the partial results by key; damaged ones are left out."""
        with self._database.reading() as connection:
            found = connection.execute(
                "SELECT key, value, checksum FROM rows WHERE run = ? ORDER BY rowid",
                (run_id,),
            ).fetchall()
        return {
            key: json.loads(text)
            for key, text, digest in found
            if fits((run_id, key, text), digest)
        }

    def finish(
        self,
        run_id: str,
        *,
        results: Json,
        status: Status = "done",
        error: str = "",
    ) -> Run:
        """Record how a run ended; return it."""
        with self._database.writing() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM runs WHERE id = ?", (run_id,)
            ).fetchone()
            if row is None:
                raise _unknown(run_id)
            kept, created, inputs = row[:3], row[5], row[7]
            ended = (status, row[4], created, _now(), inputs, _json(results), error)
            connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))
            _insert(connection, (*kept, *ended))
        return self.get(run_id)

    def runs(
        self,
        *,
        kind: str | None = None,
        key: str | None = None,
        limit: int = 200,
    ) -> tuple[Run, ...]:
        """Return runs, the newest first.

        Parameters
        ----------
        kind, key : str or None
            Only those.
        limit : int
            At most so many.
        """
        wanted = {"kind": kind, "key": key}
        given = {name: value for name, value in wanted.items() if value is not None}
        where = " AND ".join(f"{name} = :{name}" for name in given) or "1"
        with self._database.reading() as connection:
            found = connection.execute(
                f"SELECT {_COLUMNS}, checksum, {_COUNT} FROM runs WHERE {where} "
                "ORDER BY created DESC, rowid DESC LIMIT :limit",
                {**given, "limit": min(limit, sys.maxsize)},
            ).fetchall()
        return tuple(_run(row) for row in found)

    def newest(self, kind: str, inputs: Json) -> Run | None:
        """Return the newest finished run that asked this question, None without one."""
        with self._database.reading() as connection:
            found = connection.execute(
                f"SELECT {_COLUMNS}, checksum, {_COUNT} FROM runs "
                "WHERE key = ? AND status = 'done' ORDER BY created DESC, rowid DESC",
                (run_key(kind, inputs),),
            )
            runs = (_run(row) for row in found)
            return next((run for run in runs if run.status == "done"), None)

    def get(self, run_id: str) -> Run:
        """Return the run of that id, or of the only id that begins so.

        Raises
        ------
        WorkbenchError
            When no run, or more than one, begins so.
        """
        with self._database.reading() as connection:
            found = connection.execute(
                f"SELECT {_COLUMNS}, checksum, {_COUNT} FROM runs "
                "WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT 2",
                (len(run_id), run_id),
            ).fetchall()
        if len(found) > 1:
            raise WorkbenchError(
                found=f"more than one run that begins with {run_id!r}",
                expected="enough of the id to tell them apart",
                next_step="List them on the page Runs, or with Store().runs().",
            )
        if not found or not run_id:
            raise _unknown(run_id)
        return _run(found[0])

    def rm(self, run_id: str) -> Run:
        """Delete a run with its rows and the files no other run keeps; return it."""
        run = self.get(run_id)
        with self._database.writing(alone=True) as connection:
            connection.execute("DELETE FROM runs WHERE id = ?", (run.id,))
            connection.execute("DELETE FROM rows WHERE run = ?", (run.id,))
            connection.execute("DELETE FROM files WHERE run = ?", (run.id,))
            kept = connection.execute("SELECT DISTINCT digest FROM files").fetchall()
            self._files.remove_all_but({row[0] for row in kept})
        return run

    def compare(self, a: str, b: str) -> tuple[Difference, ...]:
        """Return every input and result in which two runs differ."""
        return compare_runs(self.get(a), self.get(b))

    def attach(self, run_id: str, name: str, data: bytes) -> str:
        """Keep a file with a run; return the digest it is kept under."""
        with self._database.writing() as connection:
            digest = self._files.put(data)
            connection.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                (run_id, name, digest, len(data)),
            )
        return digest

    def attachments(self, run_id: str) -> Mapping[str, str]:
        """Return the digests of a run's files by name."""
        with self._database.reading() as connection:
            found = connection.execute(
                "SELECT name, digest FROM files WHERE run = ? ORDER BY name", (run_id,)
            ).fetchall()
        return dict(found)

    def read(self, digest: str) -> bytes:
        """Return the bytes of a kept file, checked against its digest."""
        return self._files.get(digest)

    def _insert(self, kind: str, status: Status, inputs: Json, results: Json) -> str:
        now = _now()
        stamp = now.replace("-", "").replace(":", "").partition(".")[0]
        run_id = f"{stamp}-{secrets.token_hex(4)}"
        finished = "" if status == "running" else now
        texts = (_json(inputs), _json(results))
        what = (run_id, kind, run_key(kind, inputs), status, this_process())
        with self._database.writing() as connection:
            _insert(connection, (*what, now, finished, *texts, ""))
        return run_id


def _insert(connection: sqlite3.Connection, values: tuple[str, ...]) -> None:
    marks = ", ".join("?" * (len(values) + 1))
    connection.execute(
        f"INSERT INTO runs ({_COLUMNS}, checksum) VALUES ({marks})",
        (*values, checksum(*values)),
    )


def _run(row: tuple[Any, ...]) -> Run:
    (run_id, kind, key, status, owner, created, finished, inputs, results, error) = row[
        :10
    ]
    stored, count = row[10:]
    if not fits(row[:10], stored):
        return Run(
            run_id, kind, "damaged", created, finished, key, {}, {}, count, error
        )
    if status == "running" and not is_alive(owner):
        status = "interrupted"
    return Run(
        id=run_id,
        kind=kind,
        status=status,
        created=created,
        finished=finished,
        key=key,
        inputs=json.loads(inputs),
        results=json.loads(results),
        rows=count,
        error=error,
    )


def _json(value: Json) -> str:
    try:
        return canonical(dict(value))
    except (TypeError, ValueError) as error:
        raise WorkbenchError(
            found=f"a value that JSON cannot hold ({error})",
            expected="numbers, text, lists and mappings; no NaN",
            next_step="Convert it before it is recorded.",
        ) from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _unknown(run_id: str) -> WorkbenchError:
    return WorkbenchError(
        found=f"no run {run_id!r}",
        expected="the id of a recorded run",
        next_step="List them on the page Runs, or with Store().runs().",
    )
