"""The workload images on the real engine: each program does its work, survives its lesson, and stops when told to. What
ECS makes of that is told elsewhere: here everything is started and killed by hand."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
import pytest

from chaos_ecs.live.labels import Home
from tests.builders import eventually
from tests.contract.workloads import DATABASE, PATIENCE_SECONDS, QUEUE, WEB, WORKLOADS, Room, Running, meanwhile

pytestmark = [pytest.mark.docker, pytest.mark.slow]

AT_ONCE_SECONDS = 3.0  # a stop that waits for nothing, on a machine with other work; unheard, it would take twenty
NOBODY = {"DATABASE_URL": "postgresql://app:app@nobody/app", "SQS_ENDPOINT": "http://nobody:9324"}
MORTAL = "postgresql://app:app@mortal/app"
ANSWER_SECONDS = 1.0 + 0.5  # what the API promises, and what a machine with other work adds


@pytest.fixture(scope="module")
def network(engine_client: docker.APIClient, home: Home) -> Iterator[str]:
    name = f"chaos-ecs-test-{uuid.uuid4().hex[:8]}"
    engine_client.create_network(name, labels=home.labels)
    yield name
    engine_client.remove_network(name)


@pytest.fixture
def room(engine_client: docker.APIClient, home: Home, network: str) -> Iterator[Room]:
    room = Room(engine_client, home, network)
    yield room
    room.tidy()


@pytest.fixture(scope="module")
def shared(engine_client: docker.APIClient, home: Home, network: str) -> Iterator[Room]:
    room = Room(engine_client, home, network)
    yield room
    room.tidy()


@pytest.fixture(scope="module")
def one_database(shared: Room) -> Running:
    return shared.database()


@pytest.fixture
def database(one_database: Running) -> Running:
    """Empty."""
    one_database.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return one_database


@pytest.fixture(scope="module")
def one_queue(shared: Room) -> Running:
    return shared.start(QUEUE, alias="queue")


@pytest.fixture
def jobs(one_queue: Running) -> dict[str, Any]:
    """Settings for a queue that nobody has used."""
    one_queue.says("answers on port")
    return {"QUEUE_NAME": f"jobs-{uuid.uuid4().hex[:8]}"}


@pytest.mark.parametrize(("image", "largest"), [(WEB, 90), (DATABASE, 155), (QUEUE, 160), (WORKLOADS, 200)])
def test_an_image_is_as_small_as_its_readme_says_and_has_no_root(room: Room, image: str, largest: int) -> None:
    room.start(image)
    found = room.client.inspect_image(image)
    assert (found["Config"]["User"], found["Size"] < largest * 1_000_000) == ("10001:10001", True), found["Size"]


@pytest.mark.parametrize(
    ("image", "role", "word", "exit_code"),
    [
        (WEB, [], "answers on port 8080", 0),
        (DATABASE, [], "ready to accept connections", 0),
        (QUEUE, [], "answers on port 9324", 0),
        (WORKLOADS, ["api"], "answers on port 8080", 0),
        (WORKLOADS, ["worker"], "waits for the queue", 0),
        (WORKLOADS, ["migrate"], "waits for the database", 143),
        (WORKLOADS, ["batch"], "waits for the database", 143),
        (WORKLOADS, ["train"], "train: begins", 143),
    ],
)
def test_every_program_is_nobody_and_stops_at_once(
    room: Room, image: str, role: list[str], word: str, exit_code: int
) -> None:
    one = room.start(image, *role, **NOBODY)
    one.says(word)  # no later: what begins to work must hear the signal already
    assert one.user == "10001"
    assert one.stop() < AT_ONCE_SECONDS
    assert one.exit_code == exit_code, one.output


@pytest.mark.parametrize("role", ["worker", "migrate", "batch"])
def test_what_depends_on_something_that_does_not_come_gives_up_with_one_line(room: Room, role: str) -> None:
    one = room.run(role, WAIT_SECONDS=1, **NOBODY)
    first, last = one.output.splitlines()
    assert (one.exit_code, first.startswith("waits for the ")) == (1, True), one.output
    assert last.startswith(f"{role}: gave up on the ")
    assert " after 1 s: " in last


def test_a_role_that_nobody_knows_and_a_setting_that_is_no_number_are_refused(room: Room) -> None:
    for one in (room.run("wroker"), room.run("train", SECONDS="soon"), room.run("feed", "many")):
        assert (one.exit_code, one.output.count("\n")) == (2, 1), one.output
        assert "api, worker, feed N, count, migrate" in one.output


# --- web ---


def test_web_says_which_task_answers_and_that_it_is_well(room: Room) -> None:
    web = room.start(WEB, alias="web", VERSION="v7", CHAOS_ECS_TASK_ID="7f3a9c")
    web.says("answers on port 8080")
    web.answers("/health")
    assert web.ask("/").text == f"version v7\ntask 7f3a9c\nhost {web.id[:12]}\n"
    web.says('"GET / HTTP/1.1" 200')


def test_web_answers_all_that_was_begun_before_it_stops(room: Room) -> None:
    web = room.start(WEB, alias="web")
    web.answers("/health")
    begun = [web.half_a_request() for _ in range(10)]
    with meanwhile(web.stop):
        eventually(web.refuses_connections, within=PATIENCE_SECONDS)
        for connection in begun:
            connection.send(b"\r\n")
            assert connection.sock.recv(100).startswith(b"HTTP/1.1 200 OK")
            connection.close()
    assert web.exit_code == 0


# --- the database ---


def test_the_database_stops_with_clients_and_keeps_in_its_volume_what_it_had_when_killed(room: Room) -> None:
    volume = room.volume()
    first = room.database(volume=volume)
    first.sql("CREATE TABLE kept AS SELECT 42 AS answer")
    first.kill()
    second = room.database(volume=volume)
    assert second.sql("SELECT answer FROM kept") == "42"
    room.client.exec_start(room.client.exec_create(second.id, ["psql", "-c", "SELECT pg_sleep(60)"])["Id"], detach=True)
    eventually(
        lambda: second.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1", within=5
    )
    assert second.stop() < AT_ONCE_SECONDS
    assert "database system is shut down" in second.output


def test_two_databases_never_run_on_one_volume(room: Room) -> None:
    volume = room.volume()
    first = room.database(volume=volume)
    second = room.start(DATABASE, volume=volume)
    second.says("another task's PostgreSQL runs on this volume")
    hasty = room.start(DATABASE, volume=volume, WAIT_SECONDS=1)
    assert hasty.exit_code == 1
    assert "still in use after 1 s" in hasty.output
    first.kill()
    second.says("ready to accept connections")


def test_user_password_and_database_are_settings_whatever_characters_they_have(room: Room) -> None:
    names: dict[str, Any] = {"PGUSER": "o'hara", "PGPASSWORD": 'it\'s \\ "$1"', "PGDATABASE": 'the "shop"'}
    one = room.start(DATABASE, **names)
    one.says("ready to accept connections")
    assert one.sql("SELECT current_user, current_database()") == 'o\'hara|the "shop"'


# --- api ---


def test_the_api_says_503_while_its_database_is_away_stays_alive_and_recovers_by_itself(room: Room) -> None:
    mortal, api = room.database("mortal"), room.start(WORKLOADS, "api", alias="api", DATABASE_URL=MORTAL)
    api.answers("/ready")
    assert api.ask("/items", {"name": "tea"}).status == 201
    assert json.loads(api.ask("/items").text)["items"] == [{"id": 1, "name": "tea"}]
    assert api.ask("/items", {"nmae": "tea"}).status == 400
    mortal.kill()
    for path, body in (("/ready", None), ("/items", None), ("/items", {"name": "milk"})):
        away = api.ask(path, body)
        assert (away.status, away.seconds < ANSWER_SECONDS) == (503, True), away
        assert json.loads(away.text)["reason"].startswith("database: "), away.text
    assert api.ask("/live").status == 200
    again = room.database("mortal")  # a new task, at another address
    api.answers("/ready", within=ANSWER_SECONDS)
    assert json.loads(api.ask("/items").text)["items"] == []
    again.client.restart(again.id, timeout=10)
    eventually(lambda: again.run("pg_isready", "-q")[0] == 0, within=PATIENCE_SECONDS)
    assert api.ask("/items").status == 200, "a connection that broke meanwhile costs nobody an answer"


def test_the_api_does_not_wait_for_a_database_that_says_nothing(room: Room) -> None:
    mortal, api = room.database("mortal"), room.start(WORKLOADS, "api", alias="api", DATABASE_URL=MORTAL)
    api.answers("/ready")
    room.client.pause(mortal.id)
    silent = [api.ask(path) for path in ("/ready", "/items", "/ready")]
    assert [(one.status, one.seconds < ANSWER_SECONDS) for one in silent] == [(503, True)] * 3, silent
    assert "no answer within" in silent[0].text
    assert api.ask("/live").seconds < ANSWER_SECONDS
    room.client.unpause(mortal.id)
    api.answers("/ready", within=ANSWER_SECONDS)
    api.says("ready again")


def test_the_api_follows_the_name_of_its_database_away_from_one_that_is_frozen(room: Room) -> None:
    frozen, other = room.database("frozen"), room.database("other")
    api = room.start(WORKLOADS, "api", alias="api", DATABASE_URL="postgresql://app:app@moving/app")
    api.is_told("moving", frozen.address)
    api.answers("/ready")

    def connections() -> int:
        with ThreadPoolExecutor(12) as threads:  # two at one moment need two
            list(threads.map(api.ask, ["/items"] * 12))
        return int(frozen.sql("SELECT count(*) FROM pg_stat_activity WHERE client_addr <> '127.0.0.1'"))

    eventually(lambda: connections() >= 4, within=PATIENCE_SECONDS)
    room.client.pause(frozen.id)
    api.is_told("moving", other.address)
    assert api.ask("/items").status == 503
    assert api.ask("/items").status == 200, "the other connections to the frozen one were not tried one by one"


def test_the_api_hears_a_stop_that_comes_before_it_listens(room: Room) -> None:
    early = "import os; from workloads import shared; from workloads.api import main; ending = shared.Ending(); "
    early += "os.kill(os.getpid(), 15); main.main([], ending)"
    one = room.start(WORKLOADS, "train")
    assert one.run("timeout", "10", "python3", "-c", early) == (0, "api: answers on port 8080\napi: stopped\n")


# --- worker ---


def test_no_message_is_lost_however_often_the_worker_is_killed_in_the_middle_of_one(
    room: Room, jobs: dict[str, Any]
) -> None:
    settings = {**jobs, "VISIBILITY_SECONDS": 2, "SECONDS_PER_MESSAGE": 0.5}
    assert "m-1 to m-8" in room.run("feed", "8", **settings).output
    for _ in range(5):
        worker = room.start(WORKLOADS, "worker", **settings)
        worker.says("received m-")
        worker.kill()
    room.start(WORKLOADS, "worker", **settings)
    eventually(lambda: room.tally(jobs)["left"] == 0, within=PATIENCE_SECONDS)
    tally = room.tally(jobs)
    assert (tally["sent"], tally["distinct"], tally["duplicates"]) == (8, 8, tally["done"] - 8), tally


def test_a_message_that_takes_longer_than_it_is_lent_is_done_twice_and_counted(
    room: Room, jobs: dict[str, Any]
) -> None:
    settings = {**jobs, "VISIBILITY_SECONDS": 1, "SECONDS_PER_MESSAGE": 4}
    workers = [room.start(WORKLOADS, "worker", **settings) for _ in range(2)]
    room.run("feed", "1", **settings)
    for one in workers:
        one.says("done m-1")
    assert room.tally(jobs) == {"sent": 1, "done": 2, "distinct": 1, "duplicates": 1, "left": 0}


def test_a_worker_that_is_told_to_stop_finishes_its_message_if_that_fits(room: Room, jobs: dict[str, Any]) -> None:
    room.run("feed", "1", VISIBILITY_SECONDS=1, **jobs)
    long = room.start(WORKLOADS, "worker", SECONDS_PER_MESSAGE=60, **jobs)
    long.says("received m-1 (attempt 1)")
    assert long.stop() < AT_ONCE_SECONDS
    long.says("comes back after the visibility timeout")
    short = room.start(WORKLOADS, "worker", SECONDS_PER_MESSAGE=2, **jobs)
    short.says("received m-1 (attempt 2)")
    short.stop()
    short.says("done m-1")
    assert (long.exit_code, short.exit_code) == (0, 0)
    assert room.tally(jobs) == {"sent": 1, "done": 1, "distinct": 1, "duplicates": 0, "left": 0}


def test_who_asks_the_queue_half_a_question_stops_nobody_else(
    room: Room, one_queue: Running, jobs: dict[str, Any]
) -> None:
    asker = one_queue.connection(9324)
    asker.putrequest("POST", "/")
    asker.putheader("Content-Length", "10")
    asker.endheaders(b"half")
    assert room.run("feed", "1", WAIT_SECONDS=5, **jobs).exit_code == 0
    asker.close()


def test_a_worker_outlives_its_queue(room: Room) -> None:
    settings = {"SQS_ENDPOINT": "http://mortal:9324"}
    queue = room.start(QUEUE, alias="mortal")
    worker = room.start(WORKLOADS, "worker", **settings)
    worker.says("waits for messages")
    queue.kill()
    worker.says("lost the queue")
    room.start(QUEUE, alias="mortal")
    room.run("feed", "1", **settings)
    worker.says("done m-1")


# --- migrate ---


OLD_SCHEMA = ["revision: none"]
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
NEW_SCHEMA = [
    "revision: 0003",
    "table alembic_version: version_num",
    "table customers: id, email, first_name, last_name",
]


@pytest.mark.parametrize("moment", ["step 1 of 3", "step 2 of 3: 20 %", "step 2 of 3: 70 %"])
def test_a_migration_that_is_killed_half_way_was_never_there(room: Room, database: Running, moment: str) -> None:
    half = room.start(WORKLOADS, "migrate", SECONDS=5)
    half.says(moment)
    half.kill()
    eventually(lambda: database.sql(LOCKS) == "0", within=PATIENCE_SECONDS)
    assert room.schema() == OLD_SCHEMA
    assert room.run("migrate", SECONDS=0).exit_code == 0
    assert room.schema() == NEW_SCHEMA
    assert database.sql("SELECT count(*), count(last_name) FROM customers") == "1000|1000"


@pytest.mark.usefixtures("database")
def test_of_two_migrations_at_once_one_waits_and_finds_nothing_to_do(room: Room) -> None:
    first = room.start(WORKLOADS, "migrate", SECONDS=2)
    first.says("in one transaction")
    room.client.pause(first.id)
    second = room.start(WORKLOADS, "migrate", SECONDS=2)
    second.says("another migration is at work")
    room.client.unpause(first.id)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "nothing to do, the schema is at 0003" in second.output


@pytest.mark.usefixtures("database")
def test_a_migration_that_fails_or_is_stopped_leaves_the_old_schema_and_says_why(room: Room) -> None:
    failed = room.run("migrate", SECONDS=0, FAIL=1)
    assert failed.exit_code == 1
    assert "Key (last_name)=(" in failed.output
    stopped = room.start(WORKLOADS, "migrate", SECONDS=10)
    stopped.says("step 2 of 3: 10 %")
    assert stopped.stop() < AT_ONCE_SECONDS
    assert stopped.exit_code == 143
    assert room.schema() == OLD_SCHEMA


@pytest.mark.usefixtures("database")
def test_a_migration_is_undone_by_a_word_and_can_be_run_again(room: Room) -> None:
    assert room.run("migrate", SECONDS=0).exit_code == 0
    assert "undone, from 0003" in room.run("migrate", "undo").output
    assert room.schema() == [*OLD_SCHEMA, NEW_SCHEMA[1]], "alembic's own table stays"
    assert room.run("migrate", SECONDS=0).exit_code == 0
    assert room.schema() == NEW_SCHEMA


# --- batch ---


@pytest.mark.usefixtures("database")
def test_the_batch_writes_its_report_and_a_killed_one_leaves_none(room: Room) -> None:
    volume = room.volume()
    killed = room.start(WORKLOADS, "batch", volume=volume, SECONDS=30)
    killed.says("writes 90 lines")
    killed.kill()
    assert killed.reports() == []
    done = room.run("batch", volume=volume, SECONDS=0)
    assert done.exit_code == 0
    (report,) = done.reports()
    rows = list(csv.DictReader(io.StringIO(done.files("/data/reports")[report].decode())))
    euros = sum(float(row["euros"]) for row in rows)
    assert f"done, {sum(int(row['sales']) for row in rows)} sales, {euros:.2f} euros" in done.output


@pytest.mark.usefixtures("database")
def test_a_batch_that_meets_another_one_does_as_overlap_says(room: Room) -> None:
    first = room.start(WORKLOADS, "batch", SECONDS=60)
    first.says("writes 90 lines")
    met = [room.run("batch", SECONDS=0, OVERLAP=overlap) for overlap in ("refuse", "skip", "allow")]
    assert [(one.exit_code, bool(one.reports())) for one in met] == [(3, False), (0, False), (0, True)]
    first.kill()
    assert room.run("batch", SECONDS=0).exit_code == 0, "the lock of a killed one is nobody's"


# --- train ---


def test_a_training_that_was_killed_resumes_and_ends_as_if_nothing_had_happened(room: Room) -> None:
    whole, volume = room.start(WORKLOADS, "train", EPOCHS=60, SECONDS=1), room.volume()
    half = room.start(WORKLOADS, "train", volume=volume, EPOCHS=60, SECONDS=6)
    half.says("(70 %)")
    half.kill()
    stopped = room.start(WORKLOADS, "train", volume=volume, EPOCHS=60, SECONDS=12)
    stopped.says("resumes at 7")
    stopped.says("(80 %)")
    stopped.stop()
    rest = room.run("train", volume=volume, EPOCHS=60, SECONDS=0)
    assert (whole.exit_code, stopped.exit_code, rest.exit_code) == (0, 143, 0)
    results = [{name: data for name, data in one.files("/data").items() if name[0] != "."} for one in (whole, rest)]
    assert results[0] == results[1], "the same to the last bit"
    assert list(results[0]) == ["model.npz"]
