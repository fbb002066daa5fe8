"""The database as the API asks it: quickly, or not at all."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import psycopg

from workloads.shared import first_line, say

PATIENCE_SECONDS = 0.8  # whoever asks the API has its answer within a second, whatever the database does
AT_MOST = 8  # connections
LOCK = 1  # two that make one table at the same moment would make one of them fail

# The API makes its one table by itself, so that it runs with a database and nothing else. Where several programs use
# one schema, that is the work of a migration before the deployment (see ../migrate).
TABLE = f"""
    SELECT pg_advisory_lock({LOCK});
    CREATE TABLE IF NOT EXISTS items
        (id bigserial PRIMARY KEY, name text NOT NULL, created timestamptz NOT NULL DEFAULT now());
    SELECT pg_advisory_unlock({LOCK})
"""

Row = tuple[Any, ...]


class AwayError(Exception):
    """The database cannot be asked: says why, and for how many seconds that has been so."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(why)
        self.seconds = seconds


class Database:
    """Keeps connections and uses them again. Each is tried before, so a connection that broke costs nobody an answer;
    a new one is made to whatever address the database's name has by then."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._kept: list[psycopg.AsyncConnection[Row]] = []
        self._room = asyncio.Semaphore(AT_MOST)
        self._away_since = 0.0  # it is there

    async def ask(self, statement: str, *values: object) -> list[Row]:
        """The rows. Raises AwayError, within PATIENCE_SECONDS."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._room:
                rows = await self._asked(statement, values)
        except TimeoutError as error:
            await self._drop_all()  # the others lead to the same silent place
            raise self._away(f"no answer within {PATIENCE_SECONDS} s") from error
        except (psycopg.OperationalError, OSError) as error:
            raise self._away(first_line(error)) from error
        if self._away_since:
            say(f"api: ready again, the database was away for {time.monotonic() - self._away_since:.1f} s")
            self._away_since = 0.0
        return rows

    def _away(self, why: str) -> AwayError:
        if not self._away_since:
            self._away_since = time.monotonic()
            say(f"api: not ready, the database is away: {why}")
        return AwayError(why, round(time.monotonic() - self._away_since, 1))

    async def _asked(self, statement: str, values: tuple[object, ...]) -> list[Row]:
        connection = await self._tried() or await self._connected()
        try:
            cursor = await connection.execute(statement, values)
            rows = await cursor.fetchall()
        except BaseException:  # cancelled, too: an answer that still comes would be taken for the next one's
            await connection.close()
            raise
        self._kept.append(connection)
        return rows

    async def _tried(self) -> psycopg.AsyncConnection[Row] | None:
        """One of the kept ones that still works, if any does."""
        while self._kept:
            connection = self._kept.pop()
            try:
                await connection.execute("SELECT 1")
            except psycopg.OperationalError:
                await connection.close()
            except BaseException:
                await connection.close()
                raise
            else:
                return connection
        return None

    async def _connected(self) -> psycopg.AsyncConnection[Row]:
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        try:
            await connection.execute(TABLE)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _drop_all(self) -> None:
        while self._kept:
            await self._kept.pop().close()
