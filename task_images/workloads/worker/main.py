"""A consumer of the queue `jobs`: receives one message, works on it, writes down that it is done, deletes it.

Whoever kills it in the middle of a message loses nothing: SQS only lent the message, and gives it to the next one when
its visibility timeout is over. Whoever kills it between writing down and deleting makes a duplicate.
"""

from __future__ import annotations

import time

from workloads.shared import RETRY_SECONDS, Ending, StopError, complain, first_line, number, say
from workloads.worker.queues import GONE, NAME, Job, Queues, connected


def main(_: list[str], ending: Ending) -> int:
    """Exit code 0 when told to stop: that is how the life of a service's task ends."""
    try:
        while True:
            queues = connected(ending)
            say(f"worker: waits for messages on {NAME} (visibility timeout {queues.visibility_seconds} s)")
            try:
                consume(queues, ending)
            except GONE as error:
                complain(f"worker: lost the queue: {first_line(error)}")
                ending.wait(RETRY_SECONDS)
    except StopError:
        say("worker: SIGTERM, stops")
        return 0


def consume(queues: Queues, ending: Ending) -> None:
    while True:
        with ending.interrupts():
            job = queues.receive()
        if job is None:
            continue
        say(f"received {job.name} (attempt {job.attempt})")
        work(job, ending)
        queues.complete(job)
        say(f"done {job.name}")


def work(job: Job, ending: Ending) -> None:
    """SIGTERM does not end it when what is left fits into STOP_SECONDS, below the ten that Docker itself waits."""
    until = time.monotonic() + number("SECONDS_PER_MESSAGE", 1)
    if not ending.wait(until - time.monotonic()):
        return
    left = until - time.monotonic()
    if left > number("STOP_SECONDS", 8):
        say(f"{job.name} needs {left:.0f} s more, too long to finish it: comes back after the visibility timeout")
        raise StopError
    say(f"SIGTERM, finishes {job.name} first")
    time.sleep(max(0.0, left))
