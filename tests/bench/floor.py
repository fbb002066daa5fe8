"""The floor script: `python -m tests.bench.floor LABEL NETWORK IMAGE READY_FILE`, a process of its own.

On every `die` of a container with the label it creates and starts another. It remembers nothing and checks nothing.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chaos_ecs.live import engine
from tests.bench.systems.plain import HANDS, create_and_start


def main(label: str, network: str, image: str, ready: str) -> None:
    client = engine.connect()
    stream = engine.connect().events(decode=True, filters={"event": ["die"], "label": [label]})
    Path(ready).touch()
    with ThreadPoolExecutor(HANDS) as hands:
        for _ in stream:
            hands.submit(create_and_start, client, label, network=network, image=image)


if __name__ == "__main__":
    main(*sys.argv[1:])
