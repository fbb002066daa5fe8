"""From when on a client's requests to a new listener count. Pure; one thread at a time."""

from __future__ import annotations

from chaos_ecs.probe.tally import Result

SETTLE_SECONDS = 1.0


class Settling:
    """A target is healthy a moment before the load balancer sends requests to it. So a listener's first failures are
    nobody's outage: what is asked counts from the first answer on, or after a second in which there was none."""

    def __init__(self) -> None:
        self._began_at: float | None = None
        self._is_over = False

    def counts(self, result: Result) -> bool:
        """Whether this result, the next one, is to be counted. Worked example: 503 at 10.0 s and 10.2 s, 200 at 10.3 s,
        503 at 10.4 s: the first two are not."""
        if self._began_at is None:
            self._began_at = result.at
        self._is_over |= not result.cause or result.at - self._began_at >= SETTLE_SECONDS
        return self._is_over
