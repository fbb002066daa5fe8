"""Events for other systems, put together: what the translator says goes where the settings say. A part of the
composition root (`wiring.py`); imported late, as that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chaos_ecs.api.eventbridge import bodies, known
from chaos_ecs.controller import Controller
from chaos_ecs.live.event_targets import Delivery, target_of


def check(targets: Sequence[str]) -> None:
    """Raises ChaosEcsError for a target that cannot be one."""
    for text in targets:
        target_of(text).close()


class Outgoing:
    """The couriers of one controller: begun before its loop runs, closed after it.

    How everything stands is told first, with the ids and versions it was told with before: what the controller before
    could not deliver any more, killed as it may have been, is made good by that.
    """

    def __init__(self, controller: Controller, targets: Sequence[str]) -> None:
        self._delivery = Delivery([(text, target_of(text)) for text in targets], bodies) if targets else None
        if self._delivery:
            for at, change in known(controller.state, ()):
                self._delivery.put(at, [change])
            controller.follow(self._delivery.put)

    def told(self) -> dict[str, Any]:
        """What GetController tells of it, found out when it is asked."""
        return {"eventTargets": self._delivery.told} if self._delivery else {}

    def close(self) -> None:
        if self._delivery:
            self._delivery.close()
