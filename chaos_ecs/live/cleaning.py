"""`clean` over all engines: the own one, and every further one that was used since it was last cleaned.

How one engine is cleaned is `cleaner.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from docker import APIClient

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import cleaner, engine, further
from chaos_ecs.live.cleaner import Cleaned, Plan


def plan(home_id: str, folder: Path, *, everything: bool = False) -> Plan:
    """Only looks. Raises E-DOCKER-DOWN when the own engine does not answer."""
    found = cleaner.plan(engine.connect(), home_id, everything=everything)
    for name, client, silence in _further(folder):
        if client is None:
            found = replace(found, silent=(*found.silent, silence))
            continue
        there = cleaner.plan(client, home_id, everything=everything)
        items = tuple(replace(item, engine=name) for item in there.items)
        found = replace(found, items=(*found.items, *items), foreign=found.foreign + there.foreign)
    return found


def clean(home_id: str, folder: Path, *, everything: bool = False) -> Cleaned:
    """Removes what `plan` answers. An engine that does not answer is among what is left; one where nothing is left is
    forgotten. Raises E-DOCKER-DOWN when the own engine does not answer."""
    cleaned = cleaner.clean(engine.connect(), home_id, everything=everything)
    for name, client, silence in _further(folder):
        if client is None:
            cleaned = replace(cleaned, left=(*cleaned.left, silence))
            continue
        try:
            there = cleaner.clean(client, home_id, everything=everything)
        except ChaosEcsError as error:
            cleaned = replace(cleaned, left=(*cleaned.left, _silence(folder, name, error)))
            continue
        cleaned = _together(cleaned, there, name)
        if not there.left:
            further.forget(folder, name)
    return cleaned


def _further(folder: Path) -> Iterator[tuple[str, APIClient | None, str]]:
    """Each by its name: open while it is looked at, or a sentence why it is not."""
    for name in further.remembered(folder):
        try:
            client = engine.named(name).connect()
        except ChaosEcsError as error:
            yield name, None, _silence(folder, name, error)
            continue
        try:
            yield name, client, ""
        finally:
            client.close()


def _silence(folder: Path, name: str, error: ChaosEcsError) -> str:
    start = f"start it, then chaos-ecs clean; if it is no more, take it out of {folder / further.FILE}"
    return f"engine {name}: it does not answer ({error.why}): {start}"


def _together(first: Cleaned, there: Cleaned, name: str) -> Cleaned:
    def named(sentences: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"{sentence} (on {name})" for sentence in sentences)

    return Cleaned(
        first.containers + there.containers,
        first.networks + there.networks,
        first.volumes + there.volumes,
        (*first.left, *named(there.left)),
        first.foreign + there.foreign,
        first.orphans + there.orphans,
        (*first.stuck, *named(there.stuck)),
        (*first.held, *named(there.held)),
    )
