"""Where events for other systems go: a file, or an HTTP address. To each target one courier, with a thread and a queue.

A courier knows bytes only, one event each; what they say is `api/eventbridge.py`'s. Nobody who hands something in ever
waits. Delivery is at least once and in order to each target; what is tried again, and for how long, is as EventBridge's
API destinations do it (decision 083).
"""

from __future__ import annotations

import logging
import os
import queue
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, stop_any, stop_when_event_set
from tenacity.wait import wait_random_exponential

from chaos_ecs import __version__
from chaos_ecs.errors import ChaosEcsError

QUEUE_LIMIT = 10_000
TRIED_FOR_SECONDS = 24 * 3600.0  # EventBridge's own limit
ANSWER_WITHIN_SECONDS = 5.0  # as long as an API destination may take
FLUSH_SECONDS = 3.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 15.0
_ANSWER_BYTES = 65536
_LAST_PAUSE_SECONDS = 0.1  # between the tries of a flush
_TRIED_AGAIN = (401, 407, 408, 409, 429)  # and 5xx; whatever else is no 2xx is for good
_TOLD_EVERY = 1_000

log = logging.getLogger(__name__)


class NotDeliveredError(Exception):
    """The target said no, and would again."""


class BusyError(Exception):
    """The target said no for now."""


class Target(Protocol):
    """Takes one event. OSError, HTTPException and BusyError: try again; NotDeliveredError: never mind."""

    def send(self, body: bytes) -> None: ...

    def close(self) -> None: ...


# --- the two kinds ---


class FileTarget:
    """Appends lines. The file is looked at before each line: one that was moved away or removed is made anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def send(self, body: bytes) -> None:
        descriptor = self._opened()
        size = os.fstat(descriptor).st_size
        line = body + b"\n"
        try:
            written = os.write(descriptor, line)
            if written < len(line):
                raise OSError(f"the disk took {written} of {len(line)} bytes")
        except OSError:
            os.ftruncate(descriptor, size)  # half a line would spoil the next one
            raise

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _opened(self) -> int:
        if self._descriptor is not None and not self._is_still_there(self._descriptor):
            self.close()
        if self._descriptor is None:
            flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)
            self._descriptor = os.open(self._path, flags, stat.S_IRUSR | stat.S_IWUSR)
        return self._descriptor

    def _is_still_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except OSError:
            return False


class HttpTarget:
    """POSTs one event a request, over one connection for as long as the other side keeps it. Follows no redirection."""

    def __init__(self, address: SplitResult) -> None:
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        assert address.hostname is not None, "checked by target_of"
        self._connection = kind(address.hostname, address.port, timeout=ANSWER_WITHIN_SECONDS)
        self._path = (address.path or "/") + (f"?{address.query}" if address.query else "")

    def send(self, body: bytes) -> None:
        headers = {"Content-Type": "application/json", "User-Agent": f"chaos-ecs/{__version__}"}
        try:
            self._connection.request("POST", self._path, body, headers)
            response = self._connection.getresponse()
            if len(response.read(_ANSWER_BYTES)) == _ANSWER_BYTES:
                self._connection.close()  # the rest is nothing to us
        except (OSError, HTTPException):
            self._connection.close()
            raise
        except UnicodeError as error:  # a name of a host that cannot be one
            raise NotDeliveredError(str(error)) from error
        if response.status in _TRIED_AGAIN or response.status >= 500:
            raise BusyError(f"it answered {response.status} {response.reason}")
        if not 200 <= response.status < 300:
            raise NotDeliveredError(f"it answered {response.status} {response.reason}")

    def close(self) -> None:
        self._connection.close()


def target_of(text: str) -> Target:
    """The target that a person named. Raises ChaosEcsError for what cannot be one; makes the file if there is none."""
    scheme, found, _ = text.partition("://")
    if not found:
        return _file_target(Path(text))
    if scheme not in ("http", "https"):
        raise _refusal(text, f"{scheme}:// is no way that events can go")
    try:
        address = urlsplit(text)
        usable = bool(address.hostname) and address.port != 0
    except ValueError as error:
        raise _refusal(text, str(error)) from None
    if not usable:
        raise _refusal(text, "it names no host")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise _refusal(text, "what is no plain character is written as %XX in an address")
    if address.username is not None:
        raise _refusal(text, "a name and a password in an address would be in every list of processes")
    return HttpTarget(address)


def _file_target(path: Path) -> Target:
    try:
        if path.exists() and not path.is_file():
            raise _refusal(str(path), "it is a folder" if path.is_dir() else "it is no plain file")
        target = FileTarget(path)
        target._opened()
    except OSError as error:
        raise _refusal(str(path), error.strerror or str(error)) from error
    return target


def _refusal(text: str, why: str) -> ChaosEcsError:
    hint = "chaos-ecs controller start --events-to FILE, or --events-to http://127.0.0.1:9000/"
    return ChaosEcsError("E-EVENTS-TO", f"Events cannot go to {text}", why, hint, 2)


# --- who brings them ---


class Courier:
    """Brings events to one target, in order, on a thread of its own. What its queue has no room for any more is the
    oldest: whoever comes back wants to know how it is, and the newest version of a task says so."""

    def __init__(self, name: str, target: Target, *, limit: int = QUEUE_LIMIT, first_pause: float = 0.0) -> None:
        self.name = name
        self.delivered = self.dropped = self.refused = 0
        self.trouble = ""
        self._target = target
        self._limit = limit
        self._queue: deque[bytes] = deque()
        self._under_way = 0
        self._changed = threading.Condition()
        self._closing, self._given_up = threading.Event(), threading.Event()
        self._retrying = Retrying(
            retry=retry_if_exception_type((OSError, HTTPException, BusyError)),
            wait=wait_random_exponential(multiplier=first_pause or _FIRST_PAUSE_SECONDS, max=_LONGEST_PAUSE_SECONDS),
            stop=stop_any(stop_after_delay(TRIED_FOR_SECONDS), stop_when_event_set(self._given_up)),
            sleep=self._pause,
            before_sleep=self._note,
            reraise=True,
        )
        self._thread = threading.Thread(target=self.run, name=f"events to {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, body: bytes) -> None:
        with self._changed:
            if len(self._queue) >= self._limit:
                self._queue.popleft()
                self._drop("there is no room for more: %d waiting", len(self._queue))
            self._queue.append(body)
            self._changed.notify()

    def told(self) -> Mapping[str, Any]:
        """For GetController."""
        with self._changed:
            return {
                "target": self.name,
                "delivered": self.delivered,
                "waiting": len(self._queue) + self._under_way,
                "dropped": self.dropped,
                "refused": self.refused,
                "trouble": self.trouble,
            }

    def run(self) -> None:
        """Until it is closed and has nothing left, or the time for that is over."""
        while (body := self._next()) is not None and self._deliver(body):
            pass
        self._target.close()

    def hurry(self) -> None:
        """No pauses any more: what is left is to be brought now."""
        with self._changed:
            self._closing.set()
            self._changed.notify()

    def end(self, patience: float) -> None:
        """Gives up what is not delivered within so many seconds. After `hurry`."""
        self._thread.join(patience)
        self._given_up.set()
        self._thread.join(ANSWER_WITHIN_SECONDS)
        if left := self.told()["waiting"]:
            log.warning("%d events were not delivered to %s: %s", left, self.name, self.trouble or "no time was left")

    def _next(self) -> bytes | None:
        with self._changed:
            self._under_way = 0
            self._changed.wait_for(lambda: self._queue or self._closing.is_set())
            if not self._queue or self._given_up.is_set():
                return None
            self._under_way = 1
            return self._queue.popleft()

    def _deliver(self, body: bytes) -> bool:
        """Whether there is time for another one."""
        try:
            self._retrying(self._target.send, body)
        except NotDeliveredError as trouble:
            self.refused += 1
            self.trouble = str(trouble)
            if self.refused % _TOLD_EVERY == 1:
                log.warning("%s does not take an event: %s (%d so far)", self.name, trouble, self.refused)
        except (OSError, HTTPException, BusyError) as trouble:
            if self._given_up.is_set():
                return False
            with self._changed:
                self._drop("it was tried long enough: %s", trouble)
        else:
            self.delivered += 1
            if self.trouble:
                log.info("events go to %s again", self.name)
            self.trouble = ""
        return True

    def _drop(self, why: str, *arguments: object) -> None:
        self.dropped += 1
        if self.dropped % _TOLD_EVERY == 1:
            log.warning(f"an event for %s is dropped, {why} (%d so far)", self.name, *arguments, self.dropped)

    def _note(self, state: RetryCallState) -> None:
        assert state.outcome is not None
        trouble = state.outcome.exception()
        said = str(trouble) or type(trouble).__name__
        if said != self.trouble:
            log.warning("an event did not reach %s and is sent again: %s", self.name, said)
        self.trouble = said

    def _pause(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            self._given_up.wait(_LAST_PAUSE_SECONDS)


class Delivery:
    """All couriers. `bodies` translates what happened then into events, on a thread of ours, once for all of them."""

    def __init__(
        self, targets: Sequence[tuple[str, Target]], bodies: Callable[[float, Sequence[Any]], Sequence[bytes]]
    ) -> None:
        self._couriers = [Courier(name, target) for name, target in targets]
        self._bodies = bodies
        self._inbox: queue.SimpleQueue[tuple[float, Sequence[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._translate, name="events", daemon=True)
        self._thread.start()
        for courier in self._couriers:
            courier.start()

    def put(self, at: float, changes: Sequence[Any]) -> None:
        """Never waits."""
        self._inbox.put((at, changes))

    def told(self) -> list[Mapping[str, Any]]:
        return [courier.told() for courier in self._couriers]

    def close(self) -> None:
        """Brings what it can within some seconds, and ends."""
        self._inbox.put(None)
        self._thread.join(FLUSH_SECONDS)
        for courier in self._couriers:
            courier.hurry()
        ends_at = time.monotonic() + FLUSH_SECONDS
        for courier in self._couriers:
            courier.end(max(0.0, ends_at - time.monotonic()))

    def _translate(self) -> None:
        while (taken := self._inbox.get()) is not None:
            try:
                told = self._bodies(*taken)
            except Exception:
                log.exception("an event cannot be told: a bug")
                continue
            for body in told:
                for courier in self._couriers:
                    courier.put(body)
