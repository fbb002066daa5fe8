"""When the client's requests begin to fail, and when it is served again. Pure: time is what the results say.

A burst is told at its third failure, or a second after its first; it is over when a second has passed without any.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chaos_ecs.probe.tally import Result, most_first

TOLD_AT_FAILURES = 3
TOLD_AFTER_SECONDS = 1.0
OVER_AFTER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Failing:
    """Requests fail: so many by now, most of them for this cause."""

    failed: int
    cause: str


@dataclass(frozen=True, slots=True)
class Served:
    """Requests are answered again: `seconds` from the first that failed to the first that did not any more. `requests`
    are those that ended in between, `failed` among them."""

    seconds: float
    failed: int
    requests: int


@dataclass(slots=True)
class _Burst:
    first_at: float
    last_at: float
    failed: int = 0
    requests: int = 0  # up to the last that failed
    served: int = 0  # since then
    served_at: float = 0.0  # the first of these
    causes: dict[str, int] = field(default_factory=dict)
    told: bool = False

    def take(self, result: Result) -> None:
        if not result.cause:
            self.served_at = self.served_at if self.served else result.at
            self.served += 1
            return
        self.last_at = result.at
        self.failed += 1
        self.requests += self.served + 1
        self.served = 0
        self.causes[result.cause] = self.causes.get(result.cause, 0) + 1


class Bursts:
    """Is told of every result, in the order in which they ended."""

    def __init__(self) -> None:
        self._burst: _Burst | None = None

    def take(self, result: Result) -> tuple[Failing | Served, ...]:
        """What is to be told because of this result, in order."""
        if self._burst is None and not result.cause:
            return ()
        burst = self._burst = self._burst or _Burst(result.at, result.at)
        burst.take(result)
        told: list[Failing | Served] = []
        is_long = result.at - burst.first_at >= TOLD_AFTER_SECONDS
        if not burst.told and (is_long or burst.failed >= TOLD_AT_FAILURES):
            burst.told = True
            told.append(Failing(burst.failed, most_first(burst.causes)[0][0]))
        if burst.served and result.at - burst.last_at >= OVER_AFTER_SECONDS:
            self._burst = None
            told.append(Served(burst.served_at - burst.first_at, burst.failed, burst.requests))
        return tuple(told)
