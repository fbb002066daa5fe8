"""What State gives out: events, and ids and numbers that are never given out twice. A part of `state.py`."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import Any

from chaos_ecs.core.messages import Event, EventType
from chaos_ecs.core.model import Counter, Entity, Service, ServiceEvent
from chaos_ecs.core.outbox import Change

SERVICE_EVENTS_KEPT = 100
"""API_Service: "The event stream for your service. A maximum of 100 of the latest events are displayed."""


class Telling(ABC):
    salt: str
    counters: dict[str, Counter]
    events: list[Event]
    outbox: list[Change] | None

    @abstractmethod
    def put(self, entity: Entity) -> None: ...

    def emit(
        self,
        now: float,
        type_: EventType,
        message: str,
        *,
        cluster: str = "",
        service: str = "",
        task: str = "",
        **data: Any,
    ) -> None:
        """Tells the watchers. A `data` member that is None is left out."""
        told = {name: value for name, value in data.items() if value is not None}
        event = Event(self.next_number("event"), now, type_, message, cluster, service, task, told)
        self.events.append(event)
        if self.outbox is not None:
            self.outbox.append(event)

    def tell_service(self, now: float, service: Service, type_: EventType, message: str, **data: Any) -> None:
        """An event in ECS's own words: kept in DescribeServices' list too."""
        self.note_service(now, service, message)
        self.emit(now, type_, message, cluster=service.cluster_arn, service=service.arn, **data)

    def note_service(self, now: float, service: Service, message: str) -> None:
        """A line of DescribeServices' list that nobody else is told."""
        number = self.next_number(f"events/{service.arn}")
        key = f"{service.arn}#{number % SERVICE_EVENTS_KEPT}"
        self.put(ServiceEvent(key, service.arn, number, self.new_uuid(), now, message))

    def next_number(self, key: str) -> int:
        counter = self.counters.get(key)
        value = counter.value + 1 if counter else 1
        self.put(Counter(key, value))
        return value

    def new_id(self) -> str:
        """32 hexadecimal digits, replayed by the same salt and history."""
        number = self.next_number("id")
        return hashlib.blake2b(f"{self.salt}/{number}".encode(), digest_size=16).hexdigest()

    def new_uuid(self) -> str:
        hexadecimal = self.new_id()
        return "-".join((hexadecimal[:8], hexadecimal[8:12], hexadecimal[12:16], hexadecimal[16:20], hexadecimal[20:]))

    def new_deployment_id(self) -> str:
        """`ecs-svc/` and 19 decimal digits, as ECS has them."""
        return f"ecs-svc/{int(self.new_id(), 16) % 9 * 10**18 + 10**18 + int(self.new_id(), 16) % 10**18:019d}"
