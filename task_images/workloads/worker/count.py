"""`count` prints what became of the messages, as JSON: nothing is lost once `left` is 0 and `distinct` is `sent`."""

from __future__ import annotations

import json

from workloads.shared import Ending, say
from workloads.worker.queues import connected


def main(_: list[str], ending: Ending) -> int:
    say(json.dumps(connected(ending).tally()))
    return 0
