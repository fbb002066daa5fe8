"""`feed N` puts N numbered messages on the queue."""

from __future__ import annotations

from workloads.shared import Ending, SettingError, say
from workloads.worker.queues import connected


def main(arguments: list[str], ending: Ending) -> int:
    if len(arguments) != 1 or not arguments[0].isdecimal() or not int(arguments[0]):
        raise SettingError("feed needs the number of messages")
    count = int(arguments[0])
    first = connected(ending).send(count)
    say(f"fed {count} messages, m-{first} to m-{first + count - 1}")
    return 0
