"""What all tests need: signals that reach whatever they start."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Whoever starts us in the background, or under nohup, has Ctrl-C and a closed window ignored, and every program we
    start would inherit that. A handler is not inherited: the programs have the system's own again, as in a terminal."""
    for name in ("SIGHUP", "SIGINT", "SIGQUIT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda told, frame: None)
