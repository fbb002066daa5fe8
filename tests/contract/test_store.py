"""What a Store promises, held against memory and SQLite alike; then what only a file can get wrong."""

from __future__ import annotations

import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from chaos_ecs.core.messages import Event, EventType
from chaos_ecs.core.model import (
    Cluster,
    Container,
    ContainerStatus,
    Counter,
    Entity,
    Gap,
    PortBinding,
    Task,
    TaskDefinition,
    TaskStatus,
)
from chaos_ecs.core.schedules import DeadLetter, Invocation, Schedule, ScheduleGroup
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live.store import KEPT_EVENTS, LOADED_EVENTS, SqliteStore
from chaos_ecs.ports import Store
from chaos_ecs.sim.store import MemoryStore
from tests.builders import CLUSTER, a_container, a_design, definition_arn

Opener = Callable[[], Store]

A_CLUSTER = Cluster(CLUSTER, "my-cluster", "ACTIVE", 1.5, (("team", "blue"),))
A_DEFINITION = TaskDefinition(definition_arn("web"), "web", 1, (a_container(),), 2.25)
A_TASK = Task(
    f"{CLUSTER}/t1".replace(":cluster/", ":task/"),
    CLUSTER,
    A_DEFINITION.arn,
    "service:web",
    (
        Container("app", "arn:c", "web:1", ContainerStatus.STOPPED, runtime_id="abc", exit_code=137),
        Container("sidecar", "arn:d", "web:1", bindings=(PortBinding(8080, 49153),)),
    ),
    7,
    1790000000.123456,
    last_status=TaskStatus.RUNNING,
    fills=Gap("arn:t0", 1.0, 2.0),
)


A_GROUP = ScheduleGroup("arn:group/jobs", "jobs", 1.0, 2.0, "DELETING", (("team", "blue"),))
A_SCHEDULE = Schedule(
    "arn:schedule/jobs/nightly",
    "nightly",
    A_GROUP.arn,
    a_design("cron(0 2 * * ? *)", timezone="Europe/Berlin", window_minutes=5),
    1.0,
    2.0,
    considered_until=1790000000.5,
    runs=3,
    dead_letters=(DeadLetter(1.0, 2.0, "ClientException", "gone", "MaximumRetryAttempts", 2, "0123456789abcdef"),),
)
AN_INVOCATION = Invocation(f"{A_SCHEDULE.arn}#1.0", A_SCHEDULE.arn, 1.0, 1.5, 2.5, attempts=1, code="AGENT")


def an_event(number: int) -> Event:
    data = {"after": 1.5, "tasks": ["a", "b"], "reason": None, "nested": {"level": 1}}
    return Event(number, number * 0.5, EventType.TASK_STOPPED, f"event {number} größer", CLUSTER, data=data)


def put(*entities: Entity) -> list[tuple[type[Entity], str, Entity | None]]:
    return [(type(entity), entity.key, entity) for entity in entities]


@pytest.fixture(params=["memory", "sqlite"])
def reopened(request: pytest.FixtureRequest, state_file: Path) -> Iterator[Opener]:
    """Opens the store as the next controller would: what was saved before is there."""
    memory = MemoryStore()
    opened: list[Store] = []

    def opener() -> Store:
        for store in opened:
            store.close()
        opened[:] = [memory if request.param == "memory" else SqliteStore(state_file)]
        return opened[0]

    yield opener
    for store in opened:
        store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="a user's own folders are private there by themselves")
def test_the_file_is_readable_by_its_user_alone(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "state.db").close()
    assert stat.S_IMODE((tmp_path / "state.db").stat().st_mode) == 0o600


def test_a_new_store_is_empty(reopened: Opener) -> None:
    entities, events = reopened().load()
    assert (list(entities), list(events)) == ([], [])


def test_what_was_saved_is_loaded_again_to_the_last_member(reopened: Opener) -> None:
    saved = (A_CLUSTER, A_DEFINITION, A_TASK, Counter("numbers", 9), A_SCHEDULE, AN_INVOCATION, A_GROUP)
    reopened().save(put(*saved), [an_event(1), an_event(2)])
    entities, events = reopened().load()
    assert {entity.key: entity for entity in entities} == {entity.key: entity for entity in saved}
    assert list(events) == [an_event(1), an_event(2)]


def test_the_newest_save_of_an_entity_counts_and_one_that_is_gone_is_gone(reopened: Opener) -> None:
    store = reopened()
    store.save(put(A_CLUSTER, A_TASK), [])
    store.save([*put(replace(A_CLUSTER, status="INACTIVE")), (Task, A_TASK.key, None)], [])
    entities, _ = reopened().load()
    assert list(entities) == [replace(A_CLUSTER, status="INACTIVE")]


def test_what_a_file_cannot_keep_is_refused_and_nothing_of_it_is_saved(reopened: Opener) -> None:
    half = "\ud800"  # of a surrogate pair: no UTF-8 has it
    for changes, events in (
        (put(A_GROUP, replace(A_CLUSTER, name=half)), []),
        (put(replace(A_CLUSTER, tags=(("a", half),))), []),
        (put(A_CLUSTER), [replace(an_event(1), data={"reason": half})]),
    ):
        with pytest.raises(UnicodeEncodeError):
            reopened().save(changes, events)
    entities, kept = reopened().load()
    assert (list(entities), list(kept)) == ([], [])


def test_two_kinds_of_entity_may_have_the_same_key(reopened: Opener) -> None:
    reopened().save(put(A_CLUSTER, Counter(A_CLUSTER.key, 1)), [])
    entities, _ = reopened().load()
    assert len(entities) == 2


def test_events_come_back_oldest_first_and_only_the_newest(reopened: Opener) -> None:
    store = reopened()
    newest = LOADED_EVENTS + 100
    store.save([], [an_event(number) for number in range(1, newest)])
    store.save([], [an_event(newest)])
    _, events = reopened().load()
    numbers = [event.number for event in events]
    assert numbers == list(range(numbers[0], newest + 1))
    assert len(numbers) >= LOADED_EVENTS


def test_the_file_keeps_no_more_events_than_it_says(state_file: Path) -> None:
    store = SqliteStore(state_file)
    store.save([], [an_event(number) for number in range(1, KEPT_EVENTS + 51)])
    store.close()
    with closing(sqlite3.connect(state_file)) as database:
        assert database.execute("SELECT min(number), max(number), count(*) FROM events").fetchone() == (
            51,
            KEPT_EVENTS + 50,
            KEPT_EVENTS,
        )


def test_a_save_that_fails_saves_nothing(state_file: Path) -> None:
    store = SqliteStore(state_file)
    not_json = replace(an_event(1), data={"what": object()})
    with pytest.raises(TypeError):
        store.save(put(A_CLUSTER), [not_json])
    store.save([], [an_event(2)])
    entities, events = store.load()
    assert (list(entities), list(events)) == ([], [an_event(2)])
    store.close()


def test_a_second_controller_on_the_same_folder_is_refused(state_file: Path) -> None:
    first = SqliteStore(state_file)
    assert code_of(lambda: SqliteStore(state_file)) == "E-ALREADY-RUNNING"
    first.save(put(A_CLUSTER), [])
    first.close()
    SqliteStore(state_file).close()


def test_a_state_written_by_a_newer_version_is_left_alone(state_file: Path) -> None:
    SqliteStore(state_file).close()
    with closing(sqlite3.connect(state_file)) as database:
        database.execute("PRAGMA user_version=99")
    assert code_of(lambda: SqliteStore(state_file)) == "E-STATE-NEWER"


def test_a_file_that_is_no_database_is_told_and_kept(state_file: Path) -> None:
    state_file.parent.mkdir(parents=True)
    state_file.write_bytes(b"this is not a database" * 1000)
    assert code_of(lambda: SqliteStore(state_file)) == "E-STATE-DAMAGED"
    assert state_file.read_bytes().startswith(b"this is not")


@pytest.mark.parametrize(("kind", "json"), [("Task", b"{}"), ("Task", b"{half"), ("NoSuchKind", b"{}")])
def test_a_record_that_cannot_be_read_is_told(state_file: Path, kind: str, json: bytes) -> None:
    SqliteStore(state_file).close()
    with closing(sqlite3.connect(state_file)) as database:
        database.execute("INSERT INTO entities VALUES (?, 'k', ?)", (kind, json))
        database.commit()
    store = SqliteStore(state_file)
    assert code_of(store.load) == "E-STATE-DAMAGED"
    store.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert code_of(lambda: SqliteStore(tmp_path / "file" / "state.db")) == "E-STATE-UNWRITABLE"


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(ChaosEcsError) as caught:
        act()
    assert caught.value.hint
    return caught.value.code
