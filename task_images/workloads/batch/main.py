"""The nightly batch: reads the day's sales from the database and writes a report to /data/reports.

A schedule starts it whether or not the run before has ended: nothing in AWS guards against that, so OVERLAP says here
what is to happen. Killed half-way there is no report, and no half one.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg

from workloads.shared import (
    DATA,
    DATABASE,
    DATABASE_URL,
    Ending,
    MissingError,
    SettingError,
    complain,
    first_line,
    number,
    patiently,
    say,
    written,
)

LOCK = 3  # of all batches of this database; it ends with the connection, whoever kills its owner
OVERLAPS = 3  # the exit code
SEED = """
    CREATE TABLE IF NOT EXISTS sales (id int PRIMARY KEY, day date NOT NULL, shop text NOT NULL, cents int NOT NULL);
    INSERT INTO sales
        SELECT id, DATE '2026-01-01' + id % 30, ('{Berlin,Lyon,Oslo}'::text[])[1 + id / 30 % 3], 100 + id * 7919 % 9900
        FROM generate_series(1, 3000) AS id
        ON CONFLICT DO NOTHING
"""
READ = "SELECT day, shop, count(*), sum(cents) FROM sales GROUP BY day, shop ORDER BY day, shop"

Connection = psycopg.Connection[tuple[Any, ...]]


class OverlapError(Exception):
    """Another run is at work."""


def main(arguments: list[str], ending: Ending) -> int:
    overlap = os.environ.get("OVERLAP", "refuse")
    if arguments == ["reports"]:
        return reports()
    if arguments or overlap not in ("refuse", "skip", "allow"):
        word = f"batch knows the word reports, and not '{' '.join(arguments)}'"
        raise SettingError(word if arguments else f"OVERLAP is '{overlap}', not refuse, skip or allow")
    with closing(patiently(DATABASE, connected, (psycopg.OperationalError,), ending)) as connection:
        try:
            with ending.interrupts(), alone(connection, overlap):
                report(connection, ending)
        except OverlapError:
            if overlap == "skip":
                say("batch: another run is at work; skips this one")
                return 0
            complain("batch: another run is at work; refuses to overlap with it")
            return OVERLAPS
        except psycopg.OperationalError as error:
            raise MissingError(f"lost the database, so there is no report: {first_line(error)}") from error
    return 0


def reports() -> int:
    found = sorted((DATA / "reports").glob("*.csv"))
    for path in found:
        say(f"{path}  {len(path.read_text().splitlines())} lines")
    say(f"batch: {len(found)} {'report' if len(found) == 1 else 'reports'}")
    return 0


def connected() -> Connection:
    return psycopg.connect(DATABASE_URL, autocommit=True, connect_timeout=2)


@contextmanager
def alone(connection: Connection, overlap: str) -> Iterator[None]:
    """Raises OverlapError where another run is at work, unless it may be."""
    if overlap != "allow":
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
        if row != (True,):
            raise OverlapError
    yield  # and the lock ends with the connection


def report(connection: Connection, ending: Ending) -> None:
    connection.execute(SEED)
    lines = connection.execute(READ).fetchall()
    path = DATA / "reports" / f"{datetime.now(UTC):%Y-%m-%dT%H%M}.csv"
    pause = number("SECONDS", 5) / len(lines)
    say(f"batch: writes {len(lines)} lines to {path}")
    with written(path) as draft, draft.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["day", "shop", "sales", "euros"])
        for day, shop, sales, cents in lines:
            ending.wait(pause)  # as if there were much to compute
            table.writerow([day, shop, sales, f"{cents / 100:.2f}"])
    total = sum(cents for *_, cents in lines)
    say(f"batch: done, {sum(sales for _, _, sales, _ in lines)} sales, {total / 100:.2f} euros, report in {path}")
