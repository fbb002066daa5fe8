"""A fault as the controller tells of it, in DescribeFaults and in the state snapshot, as frozen values. Pure.

Never here: wording (see `fault_words.py`), and which faults there are (`chaos/catalogue.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SPELLED = {"instance_name": "instanceName"}


@dataclass(frozen=True, slots=True)
class Victim:
    """One of a fault's; `task` and `service` are ARNs or "". Without `proof` it is not known whether it took effect."""

    task: str
    service: str
    container: str
    instance_name: str  # of a container instance that is hit as a whole
    status: str
    proof: str
    reason: str  # why there is no proof
    trouble: str  # why it could not be undone yet

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Victim:
        return cls(*(str(raw.get(_SPELLED.get(name, name)) or "") for name in cls.__slots__))

    @property
    def is_decided(self) -> bool:
        """Whether it is known, or will never be, that it took effect."""
        return self.status != "INJECTING"

    @property
    def is_over(self) -> bool:
        return self.status == "ENDED"


@dataclass(frozen=True, slots=True)
class Fault:
    """Somebody asked for it, and it may be over. `seconds` is 0 where it strikes, and that is all."""

    id: str
    name: str
    description: str
    cluster: str
    status: str
    seconds: float
    ends_at: float | None
    ended_at: float | None
    victims: tuple[Victim, ...]
    raw: Mapping[str, Any]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Fault:
        return cls(
            id=raw["fault"],
            name=raw["name"],
            description=raw.get("description") or "",
            cluster=raw.get("cluster") or "",
            status=raw["status"],
            seconds=float(raw.get("durationSeconds") or 0.0),
            ends_at=raw.get("endsAt"),
            ended_at=raw.get("endedAt"),
            victims=tuple(Victim.of(item) for item in raw.get("victims") or ()),
            raw=raw,
        )

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None

    @property
    def is_decided(self) -> bool:
        """Whether of every victim it is known, or never will be, that it took effect."""
        return self.is_over or all(victim.is_decided for victim in self.victims)

    @property
    def proven(self) -> int:
        """How many victims it was measured on."""
        return sum(bool(victim.proof) for victim in self.victims)

    @property
    def is_proven(self) -> bool:
        return self.proven == len(self.victims)

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why it cannot be undone, each once."""
        return tuple(dict.fromkeys(victim.trouble for victim in self.victims if victim.trouble and not self.is_over))

    def left(self, now: float) -> float | None:
        """Seconds until it ends by itself; None where that is not known, or over."""
        return None if self.ends_at is None or self.is_over else max(0.0, self.ends_at - now)
