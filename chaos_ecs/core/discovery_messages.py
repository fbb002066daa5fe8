"""Messages about names: what is published, and whether tasks can ask. Parts of the families in `messages.py`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DiscoveryUp:
    """Tasks of the cluster find services by name again."""

    cluster_arn: str


@dataclass(frozen=True, slots=True)
class DiscoveryLost:
    """Tasks of the cluster find no service by name; it is being mended. `reason` is a sentence. Told once."""

    cluster_arn: str
    reason: str


DiscoveryFact = DiscoveryUp | DiscoveryLost


@dataclass(frozen=True, slots=True)
class PublishNames:
    """Effect: in the service's cluster these names lead to these addresses from now on, in place of all that was
    published for it before. See `discovery.py`."""

    service_arn: str
    cluster_arn: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    cause: str
