"""Process 1. It hears SIGTERM first of all, and then takes its time to import moto."""

from __future__ import annotations

import signal
import sys

for ending in (signal.SIGTERM, signal.SIGINT):
    signal.signal(ending, lambda *_: sys.exit(0))

from serve import main  # noqa: E402 - only now: see above

main()
