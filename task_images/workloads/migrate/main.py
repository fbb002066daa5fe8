"""Brings the schema up to date with alembic, all in one transaction: killed half-way, it was never there.

Two at once: an advisory lock of the database lets one in; the other waits, and then finds nothing left to do.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from workloads.shared import (
    DATABASE,
    DATABASE_URL,
    RETRY_SECONDS,
    Ending,
    SettingError,
    complain,
    patiently,
    say,
)

LOCK = 2  # of all migrations of this database; it ends with the transaction, whoever kills its owner


def main(arguments: list[str], ending: Ending) -> int:
    if arguments not in ([], ["status"], ["undo"]):
        raise SettingError(f"migrate knows the words status and undo, and not '{' '.join(arguments)}'")
    # The URL is read as SQLAlchemy reads it: with psycopg 2, the driver it takes where none is named.
    engine = create_engine(DATABASE_URL, poolclass=NullPool, connect_args={"connect_timeout": 2})
    with closing(patiently(DATABASE, engine.connect, (OperationalError,), ending)) as connection:
        try:
            if arguments == ["status"]:
                return status(connection)
            return undo(connection, ending) if arguments else upgrade(connection, ending)
        except DBAPIError as error:
            complain(f"migrate: failed: {' '.join(str(error.orig).split())}")
            complain("migrate: everything is rolled back, the schema is as it was before")
            return 1


def upgrade(connection: Connection, ending: Ending) -> int:
    with connection.begin(), ending.interrupts():  # which ends before the commit: that one is not interrupted
        get_the_lock(connection, ending)
        config = configured(connection, ending)
        before, newest = revision(connection), ScriptDirectory.from_config(config).get_current_head()
        if before == newest:
            say(f"migrate: nothing to do, the schema is at {newest}")
            return 0
        say(f"migrate: from {before or 'an empty schema'} to {newest}, in one transaction")
        command.upgrade(config, "head")
    say(f"migrate: done, the schema is at {newest}")
    return 0


def undo(connection: Connection, ending: Ending) -> int:
    with connection.begin(), ending.interrupts():
        get_the_lock(connection, ending)
        before = revision(connection)
        command.downgrade(configured(connection, ending), "base")
    say(f"migrate: undone, from {before or 'nothing'} to an empty schema")
    return 0


def get_the_lock(connection: Connection, ending: Ending) -> None:
    said = False
    while not connection.scalar(text(f"SELECT pg_try_advisory_xact_lock({LOCK})")):
        if not said:
            say("migrate: another migration is at work; waits until it has ended")
            said = True
        ending.wait(RETRY_SECONDS)


def status(connection: Connection) -> int:
    say(f"revision: {revision(connection) or 'none'}")
    tables = inspect(connection)
    for table in sorted(tables.get_table_names()):
        say(f"table {table}: {', '.join(column['name'] for column in tables.get_columns(table))}")
    return 0


def revision(connection: Connection) -> str | None:
    found: str | None = MigrationContext.configure(connection).get_current_revision()
    return found


def configured(connection: Connection, ending: Ending) -> Config:
    """alembic's settings, with what its env.py and the versions ask for."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes.update(connection=connection, ending=ending)
    return config
