"""What our own client saw, as `GET /state` has it: `client` in all, and `client` of each service. Pure.

The figures come from outside the controller's loop (`live/prober.py`); where there is no client
there is nothing to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Figures = Callable[[], Mapping[str, Any]]
"""{"total": figures or None, "listeners": {listener ARN: figures}}; may be called on any thread."""


def nobody() -> Mapping[str, Any]:
    """Where there is no client: on the simulator, or where it is switched off."""
    return {"total": None, "listeners": {}}


def with_client(
    snapshot: dict[str, Any], behind: Mapping[str, Sequence[str]], figures: Mapping[str, Any]
) -> dict[str, Any]:
    """The snapshot with them, as it was where nobody asks. `behind`: the services behind each listener. A service
    behind several has the figures of the first of them that is asked."""
    if figures["total"] is None:
        return snapshot
    of_service: dict[str, Any] = {}
    for listener_arn, told in figures["listeners"].items():
        for service_arn in behind.get(listener_arn, ()):
            of_service.setdefault(service_arn, told)
    services = [
        {**service, "client": of_service[service["arn"]]} if service["arn"] in of_service else service
        for service in snapshot["services"]
    ]
    return {**snapshot, "services": services, "client": figures["total"]}
