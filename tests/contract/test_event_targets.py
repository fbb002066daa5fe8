"""Files and HTTP servers that events go to, and all that can go wrong with them."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live.event_targets import BusyError, Courier, Delivery, FileTarget, NotDeliveredError, target_of
from tests.builders import eventually
from tests.event_receiver import receiving
from tests.http_servers import a_server, closing, nobody

SOON = 0.01
WITHIN_SECONDS = 60.0


@contextmanager
def bringing(target: str, *, limit: int = 100) -> Iterator[Courier]:
    courier = Courier(target, target_of(target), limit=limit, first_pause=SOON)
    courier.start()
    try:
        yield courier
    finally:
        courier.hurry()
        courier.end(5)


def a_body(number: int) -> bytes:
    return json.dumps({"number": number}).encode()


def numbers(lines: str) -> list[int]:
    return [json.loads(line)["number"] for line in lines.splitlines()]


# --- a file ---


def test_a_file_has_one_line_an_event_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with bringing(str(path)) as courier:
        for number in range(3):
            courier.put(a_body(number))
    assert numbers(path.read_text()) == [0, 1, 2]
    assert path.stat().st_mode & 0o777 == 0o600
    assert courier.told()["delivered"] == 3


def test_what_was_in_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(a_body(9) + b"\n")
    with bringing(str(path)) as courier:
        courier.put(a_body(1))
    assert numbers(path.read_text()) == [9, 1]


@pytest.mark.parametrize("away", ["moved", "removed"])
def test_a_file_that_is_rotated_away_is_made_anew(tmp_path: Path, away: str) -> None:
    path = tmp_path / "events.jsonl"
    with bringing(str(path)) as courier:
        courier.put(a_body(1))
        eventually(path.read_text, within=WITHIN_SECONDS)
        if away == "moved":
            path.rename(tmp_path / "events.jsonl.1")
        else:
            path.unlink()
        courier.put(a_body(2))
    assert numbers(path.read_text()) == [2]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_away_for_a_while_costs_no_event(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    with bringing(str(folder / "events.jsonl")) as courier:
        (folder / "events.jsonl").unlink()
        folder.rmdir()
        courier.put(a_body(1))
        courier.put(a_body(2))
        eventually(lambda: "No such file" in courier.told()["trouble"], within=WITHIN_SECONDS)
        folder.mkdir()
        eventually(lambda: courier.told()["delivered"] == 2, within=WITHIN_SECONDS)
    assert numbers((folder / "events.jsonl").read_text()) == [1, 2]


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = FileTarget(tmp_path / "events.jsonl")
    target.send(a_body(1))
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:5]))
    with pytest.raises(OSError, match="5 of 14 bytes"):
        target.send(a_body(2))
    monkeypatch.undo()
    target.send(a_body(2))
    target.close()
    assert numbers((tmp_path / "events.jsonl").read_text()) == [1, 2]


# --- an address ---


def test_an_address_gets_one_post_an_event() -> None:
    with receiving() as receiver, bringing(receiver.url) as courier:
        for number in range(3):
            courier.put(a_body(number))
        eventually(lambda: courier.told()["delivered"] == 3, within=WITHIN_SECONDS)
        assert [item["number"] for item in receiver.got] == [0, 1, 2]
        assert receiver.asked == [("/events?from=here", "application/json")] * 3


def test_a_server_that_is_down_at_first_and_fails_now_and_then_gets_all_in_order() -> None:
    with receiving() as first:
        url, port = first.url, first.server_address[1]
    with bringing(url) as courier:
        for number in range(50):
            courier.put(a_body(number))
        eventually(lambda: "refused" in courier.told()["trouble"].lower(), within=WITHIN_SECONDS)
        assert courier.told()["waiting"] == 50
        with receiving(port, lambda number: (500, 429, 200, 503, 200)[number % 5]) as receiver:
            eventually(lambda: courier.told()["delivered"] == 50, within=WITHIN_SECONDS)
            assert [item["number"] for item in receiver.got] == list(range(50))
        assert (courier.told()["waiting"], courier.told()["trouble"]) == (0, "")


def test_a_connection_that_the_other_side_has_closed_is_opened_again() -> None:
    with a_server(closing) as url, bringing(url) as courier:
        courier.put(a_body(1))
        eventually(lambda: courier.told()["trouble"], within=WITHIN_SECONDS)
        assert courier.told()["waiting"] == 1


def test_a_name_that_no_host_can_have_is_a_refusal_and_ends_no_courier() -> None:
    with bringing(f"http://{'a' * 70}.example/") as courier:
        courier.put(a_body(1))
        courier.put(a_body(2))
        eventually(lambda: courier.told()["refused"] == 2, within=WITHIN_SECONDS)
        assert "label" in courier.told()["trouble"]


def test_a_long_answer_is_not_read_to_its_end_and_costs_nothing() -> None:
    with receiving() as receiver, bringing(receiver.url) as courier:
        receiver.answer_bytes = 1_000_000
        for number in range(3):
            courier.put(a_body(number))
        eventually(lambda: courier.told()["delivered"] == 3, within=WITHIN_SECONDS)
        assert [item["number"] for item in receiver.got] == [0, 1, 2]


@pytest.mark.parametrize("status", [400, 404, 413, 301, 302])
def test_what_a_server_refuses_for_good_is_counted_and_holds_nothing_up(status: int) -> None:
    with (
        receiving(answers=lambda number: status if number == 1 else 202) as receiver,
        bringing(receiver.url) as courier,
    ):
        courier.put(a_body(1))
        courier.put(a_body(2))
        eventually(lambda: courier.told()["delivered"] == 1, within=WITHIN_SECONDS)
        assert [item["number"] for item in receiver.got] == [2]
        assert courier.told()["refused"] == 1


@pytest.mark.parametrize("status", [401, 407, 408, 409, 429, 500, 503])
def test_what_may_pass_is_tried_again(status: int) -> None:
    with receiving(answers=lambda number: status) as receiver:
        target = target_of(receiver.url)
        with pytest.raises(BusyError, match=str(status)):
            target.send(a_body(1))
        receiver.answers = lambda number: 418
        with pytest.raises(NotDeliveredError):
            target.send(a_body(1))
        target.close()


# --- the queue, and the end ---


def test_a_full_queue_drops_the_oldest_and_counts_it() -> None:
    with receiving() as first:
        url, port = first.url, first.server_address[1]
    with bringing(url, limit=10) as courier:
        courier.put(a_body(0))
        eventually(lambda: courier.told()["trouble"], within=WITHIN_SECONDS)  # it is under way, the queue is empty
        for number in range(1, 31):
            courier.put(a_body(number))
        assert (courier.told()["dropped"], courier.told()["waiting"]) == (20, 11)
        with receiving(port) as receiver:
            eventually(lambda: courier.told()["delivered"] == 11, within=WITHIN_SECONDS)
            assert [item["number"] for item in receiver.got] == [0, *range(21, 31)]


def test_what_is_left_at_the_end_is_brought_without_pauses(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    delivery = Delivery([(str(path), target_of(str(path)))], lambda at, changes: [a_body(item) for item in changes])
    for number in range(500):
        delivery.put(0.0, [number])
    delivery.close()
    assert numbers(path.read_text()) == list(range(500))


def test_an_end_does_not_wait_for_a_server_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    courier = Courier("there", target_of(nobody()), first_pause=SOON)
    courier.start()
    for number in range(3):
        courier.put(a_body(number))
    eventually(lambda: courier.told()["trouble"], within=WITHIN_SECONDS)
    courier.hurry()
    courier.end(0.2)
    assert "events to there" not in {thread.name for thread in threading.enumerate()}
    assert courier.told()["waiting"] == 3
    assert "3 events were not delivered to there" in caplog.text


def test_a_target_that_is_away_does_not_hold_another_one_up(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    targets = [(name, target_of(name)) for name in (nobody(), str(path))]
    delivery = Delivery(targets, lambda at, changes: [a_body(item) for item in changes])
    delivery.put(0.0, [1, 2])
    eventually(lambda: [one["delivered"] for one in delivery.told()] == [0, 2], within=WITHIN_SECONDS)
    delivery.close()


# --- what cannot be a target ---


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("ftp://example.org/", "ftp:// is no way that events can go"),
        ("http://", "it names no host"),
        ("http://:80/", "it names no host"),
        ("http://host:99999/", "Port out of range 0-65535"),
        ("http://host/a b", "what is no plain character is written as %XX in an address"),
        ("http://host/müll", "what is no plain character is written as %XX in an address"),
        ("http://ada:secret@host/", "a name and a password in an address would be in every list of processes"),
        ("FOLDER", "it is a folder"),
        ("FOLDER/no/such", "No such file or directory"),
        ("/dev/null", "it is no plain file"),
    ],
)
def test_what_cannot_be_a_target_is_refused_in_four_parts(tmp_path: Path, target: str, why: str) -> None:
    with pytest.raises(ChaosEcsError) as refused:
        target_of(target.replace("FOLDER", str(tmp_path)))
    assert (refused.value.code, refused.value.why, refused.value.exit_code) == ("E-EVENTS-TO", why, 2)
    assert "--events-to" in refused.value.hint
