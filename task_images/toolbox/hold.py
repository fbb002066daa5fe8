"""Holds one fault on the container this one has joined: hurts it, measures that, waits, heals it, measures again.

What to do is in CHAOS_ECS_ORDER, see README.md. Answers with one line of JSON for each thing there is to tell, on
standard output; all that the tools say goes to standard error, where `docker logs` shows it too. Never here: what a
fault does. A SIGTERM at any moment leads to healing; after a SIGKILL another of these heals, in mode undo.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields

UNHARMED, SHOWS = 0, 1  # exit codes of a probe; any other: it cannot tell
UNDONE_CODE, REFUSED_CODE, STUCK_CODE = 0, 1, 2
BETWEEN_PROBES_SECONDS = 0.25
GRACE_SECONDS = 2.0  # for what runs in the background to end by itself
LOOK_SECONDS = 0.5  # between looks whether it still runs
LONGEST_PROBE_SECONDS = 120.0  # one that hangs must not keep the fault alive


class RefusedError(Exception):
    """The fault could not be injected, or had no effect: a sentence."""


class StopError(Exception):
    """Somebody wants it to end: raised where the main thread just is."""


@dataclass(frozen=True)
class Order:
    """What CHAOS_ECS_ORDER says."""

    do: list[str] = field(default_factory=list)
    undo: list[str] = field(default_factory=list)
    probe: str = ""
    probe_seconds: float = 5.0
    background: str = ""
    seconds: float = 0.0
    mode: str = "hold"
    tag: str = ""

    @classmethod
    def read(cls, text: str) -> Order:
        given = json.loads(text)
        given["probe_seconds"] = given.get("probeSeconds", cls.probe_seconds)
        return cls(**{one.name: given[one.name] for one in fields(cls) if one.name in given})


@dataclass(frozen=True)
class Measured:
    code: int
    says: str


def main() -> int:
    order = Order.read(os.environ["CHAOS_ECS_ORDER"])
    os.environ.update(whereabouts(), TAG=order.tag, NUMBER=number_of(order.tag))
    return undo(order) if order.mode == "undo" else hold(order)


@dataclass
class Done:
    """How far it has come."""

    begun: bool = False
    background: list[subprocess.Popen[bytes]] = field(default_factory=list)


def hold(order: Order) -> int:
    done = Done()
    refusal = end = ""
    try:
        with stopped_by_signals():
            tell("active", hurt(order, done))
            end = wait(order.seconds, done)
    except StopError:
        pass
    except RefusedError as error:
        refusal = str(error)
    trouble, healed = heal(order, done)
    if refusal:
        return tell("refused", refusal + (f"; and it could not be undone: {trouble}" if trouble else ""))
    return tell("stuck", trouble) if trouble else tell("undone", f"{end}; {healed}" if end else healed)


def wait(seconds: float, done: Done) -> str:
    """Until the time is over, or nothing is held any more because what ran in the background has ended: then how."""
    began = time.monotonic()
    while not (end := early_end(done)) and (left := began + seconds - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_SECONDS) if done.background else left)
    return f"after {time.monotonic() - began:.0f} s {end}" if end else ""


def early_end(done: Done) -> str:
    """How what runs in the background has ended though nobody ended it; "" while it runs."""
    for running in done.background:
        if (code := running.poll()) is not None:  # negative: a signal's, which everybody else counts from 128 on
            return f"what ran in the background ended by itself with exit code {code if code >= 0 else 128 - code}"
    return ""


def undo(order: Order) -> int:
    """What another left behind."""
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: None)
    trouble, healed = heal(order, Done(begun=True))
    return tell("stuck", trouble) if trouble else tell("undone", healed)


def hurt(order: Order, done: Done) -> str:
    """The proof, with before and after."""
    before = measured(order.probe) if order.probe else Measured(UNHARMED, "")
    if before.code == SHOWS:
        raise RefusedError(f"the effect is there before anything was done: {before.says}")
    if before.code != UNHARMED:
        raise RefusedError(before.says or "what it is to change could not be measured")
    done.begun = True
    if order.background:
        done.background.append(started(order.background))
    for line in order.do:
        if words := failure(line):
            raise RefusedError(words)
    if not order.probe:
        return "done"
    after = probed(order, wanted=SHOWS)
    if after.code != SHOWS:
        end = early_end(done)
        raise RefusedError(f"no effect could be measured: {after.says}{'; ' + end if end else ''}")
    return f"{after.says} (before: {before.says})"


def heal(order: Order, done: Done) -> tuple[str, str]:
    """Why it did not work, or ""; and what was measured afterwards."""
    if not done.begun:
        return "", "nothing had been done yet"
    # Told first, ended last: a proxy carries on, without delay, until no new connection is sent its way.
    for running in done.background:
        signalled(running, signal.SIGTERM)
    troubles = [words for line in order.undo if (words := failure(line))]
    for running in done.background:
        ended(running)
    if troubles:
        return "; ".join(troubles), ""
    if not (order.probe and (order.undo or order.background)):
        return "", "there is nothing to undo"
    after = probed(order, wanted=UNHARMED)
    if after.code == SHOWS:
        return f"the effect still shows: {after.says}", ""
    return "", after.says if after.code == UNHARMED else f"all of it was taken back, though {after.says}"


def probed(order: Order, *, wanted: int) -> Measured:
    """What the probe says once it says what is wanted, or when its time is over."""
    deadline = time.monotonic() + order.probe_seconds
    while (found := measured(order.probe)).code != wanted and time.monotonic() < deadline:
        time.sleep(BETWEEN_PROBES_SECONDS)
    return found


def measured(line: str) -> Measured:
    try:
        ran = subprocess.run(
            ["/bin/sh", "-c", line], stdout=subprocess.PIPE, timeout=LONGEST_PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Measured(2, f"measuring took more than {LONGEST_PROBE_SECONDS:.0f} s")
    lines = ran.stdout.decode(errors="replace").split("\n")
    says = next((text.strip() for text in reversed(lines) if text.strip()), "")
    log(f"measured ({ran.returncode}): {says}")
    return Measured(ran.returncode, says)


def failure(line: str) -> str:
    """Runs a line; when it fails, why, in the tool's own words."""
    log(f"+ {line}")
    ran = subprocess.run(["/bin/sh", "-e", "-c", line], stdout=sys.stderr.fileno(), stderr=subprocess.PIPE, check=False)
    words = ran.stderr.decode(errors="replace")
    sys.stderr.write(words)
    if ran.returncode == 0:
        return ""
    said = [text.strip() for text in words.split("\n") if text.strip()]
    return said[0] if said else f"'{line}' ended with exit code {ran.returncode}"


def started(line: str) -> subprocess.Popen[bytes]:
    """In a process group of its own, so that all it starts can be ended with it."""
    log(f"+ {line} &")
    return subprocess.Popen(["/bin/sh", "-c", line], stdout=sys.stderr.fileno(), start_new_session=True)


def ended(running: subprocess.Popen[bytes]) -> None:
    signalled(running, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.wait(GRACE_SECONDS)
    signalled(running, signal.SIGKILL)
    running.wait()


def signalled(running: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # the whole group has ended
        os.killpg(running.pid, number)


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raises StopError inside the block, once; outside of it a signal changes nothing any more."""
    may_raise = [True]

    def stop(*_: object) -> None:
        if may_raise:
            may_raise.clear()
            raise StopError

    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, stop)
    try:
        yield
    finally:
        may_raise.clear()


def number_of(tag: str) -> str:
    """Four hex digits of this fault alone, for what has no name but a number; below 8000, where the kernel's begin."""
    return f"{0x1000 + zlib.crc32(tag.encode()) % 0x7000:x}"


def whereabouts() -> dict[str, str]:
    """DEVICE is the interface with ADDRESS, which after a disconnect need not be eth0 any more; empty without one."""
    addresses = _ip("-4", "address")
    gateway = next(iter(_ip("-4", "route", "show", "default")), {})
    found = [
        (one["ifname"], inside["local"])
        for one in addresses
        for inside in one.get("addr_info", ())
        if one["ifname"] != "lo" and gateway.get("dev", one["ifname"]) == one["ifname"]
    ]
    device, address = found[0] if found else ("", "")
    return {"DEVICE": device, "ADDRESS": address, "GATEWAY": gateway.get("gateway", "")}


def _ip(*arguments: str) -> list[dict]:
    ran = subprocess.run(["ip", "-j", *arguments], stdout=subprocess.PIPE, check=False)
    return [one for one in json.loads(ran.stdout or b"[]") if one]


def tell(what: str, says: str) -> int:
    """The exit code that goes with it."""
    sys.stdout.write(json.dumps({"told": what, "says": says}) + "\n")
    sys.stdout.flush()
    return {"refused": REFUSED_CODE, "stuck": STUCK_CODE}.get(what, UNDONE_CODE)


def log(words: str) -> None:
    sys.stderr.write(words + "\n")


if __name__ == "__main__":
    sys.exit(main())
