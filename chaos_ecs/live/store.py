"""`ports.Store` in one SQLite file: a row per entity, a row per event, written before anything is done about them.

SQLite's exclusive lock is what keeps two controllers off one state folder: it ends with its process, however that
ends. What the rows mean is for `core/` to say.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import msgspec

from chaos_ecs.core.messages import Event
from chaos_ecs.core.model import Entity
from chaos_ecs.errors import ChaosEcsError

SCHEMA_VERSION = 1
KEPT_EVENTS = 10_000
LOADED_EVENTS = 2_000

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS entities (kind TEXT, key TEXT, json BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY, json BLOB)",
)

_TAKEN = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_START_ANEW = "chaos-ecs clean --state"

_encode = msgspec.json.Encoder().encode
_decoders: dict[str, Callable[[bytes], Any]] = {
    kind.__name__: msgspec.json.Decoder(kind).decode for kind in get_args(Entity)
}
_decode_event = msgspec.json.Decoder(Event).decode


class SqliteStore:
    """Raises E-ALREADY-RUNNING, E-STATE-NEWER, E-STATE-DAMAGED or E-STATE-UNWRITABLE, when opened and later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)  # task definitions have secrets in their environment; SQLite's other files follow
            # Opened on one thread and used on the controller's; never on two at a time.
            self._database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            with self._translated():
                self._prepare()
        except ChaosEcsError:
            self._database.close()
            raise

    def load(self) -> tuple[Sequence[Entity], Sequence[Event]]:
        """All entities, and the newest LOADED_EVENTS events, oldest first."""
        with self._translated():
            rows = self._database.execute("SELECT kind, json FROM entities ORDER BY kind, key").fetchall()
            newest = self._database.execute(
                "SELECT json FROM events ORDER BY number DESC LIMIT ?", (LOADED_EVENTS,)
            ).fetchall()
            entities = [_decoders[kind](json) for kind, json in rows]
            return entities, [_decode_event(json) for (json,) in reversed(newest)]

    def save(self, changes: Iterable[tuple[type[Entity], str, Entity | None]], events: Sequence[Event]) -> None:
        """One transaction. After a crash of this process nothing is lost; after one of the machine, perhaps the
        newest saves are (synchronous=NORMAL), but never half of one."""
        with self._translated(), self._transaction():
            for kind, key, entity in changes:
                self._put(kind.__name__, key, entity)
            if events:
                rows = [(event.number, _encode(event)) for event in events]
                self._database.executemany("INSERT OR REPLACE INTO events VALUES (?, ?)", rows)
                self._database.execute(
                    "DELETE FROM events WHERE number <= (SELECT max(number) FROM events) - ?", (KEPT_EVENTS,)
                )

    def close(self) -> None:
        self._database.close()

    def _prepare(self) -> None:
        execute = self._database.execute
        execute("PRAGMA locking_mode=EXCLUSIVE")  # before WAL: then the lock needs no shared memory
        execute("PRAGMA journal_mode=WAL")
        execute("PRAGMA synchronous=NORMAL")
        with self._transaction():  # takes the lock, for good
            (version,) = execute("PRAGMA user_version").fetchone()
            if version > SCHEMA_VERSION:
                raise ChaosEcsError(
                    "E-STATE-NEWER",
                    f"The state in {self._path} was written by a newer chaos-ecs",
                    f"its format is {version}, and this version reads up to {SCHEMA_VERSION}",
                    "Update chaos-ecs, or choose another state folder with CHAOS_ECS_HOME.",
                )
            for statement in _SCHEMA:
                execute(statement)
            execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def _put(self, kind: str, key: str, entity: Entity | None) -> None:
        if entity is None:
            self._database.execute("DELETE FROM entities WHERE kind = ? AND key = ?", (kind, key))
        else:
            self._database.execute("INSERT OR REPLACE INTO entities VALUES (?, ?, ?)", (kind, key, _encode(entity)))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN EXCLUSIVE")
        try:
            yield
        except BaseException:
            if self._database.in_transaction:  # SQLite has ended it already when the disk is full
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._trouble(error) from error
        except (msgspec.MsgspecError, KeyError) as error:
            raise self._damaged(f"a record cannot be read: {error}") from error
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error

    def _trouble(self, error: sqlite3.Error) -> ChaosEcsError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the lower byte: the class of an extended code
        if code in _TAKEN:
            return ChaosEcsError(
                "E-ALREADY-RUNNING",
                f"Another controller works with {self._path.parent}",
                "a state folder has one controller",
                "chaos-ecs controller status",
            )
        return self._damaged(str(error)) if code in _DAMAGED else self._unwritable(str(error))

    def _damaged(self, reason: str) -> ChaosEcsError:
        return ChaosEcsError(
            "E-STATE-DAMAGED",
            f"The state in {self._path} cannot be read",
            f"{reason}. Running containers are not touched; the file is left as it is",
            f"{_START_ANEW}  (removes our containers, and begins a new state)",
        )

    def _unwritable(self, reason: str) -> ChaosEcsError:
        return ChaosEcsError(
            "E-STATE-UNWRITABLE",
            f"Cannot use {self._path}",
            reason,
            "Check free space and permissions, or choose another folder with CHAOS_ECS_HOME.",
        )
