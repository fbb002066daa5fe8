"""Refusals of the border itself: signatures, formats, sizes. Named, numbered and worded as AWS does where it has them.

What an ECS operation refuses is in `core/errors.py`; all of that answers 400. ServerException (500) and
ServiceUnavailableException (503) are only here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Refused(Exception):  # noqa: N818 (it is an answer, not a failure)
    """A request that is answered without asking the controller: HTTP status, `__type`, message, and what else the
    error's shape has."""

    def __init__(self, status: int, code: str, message: str, members: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.members = members or {}
        self.status = status
        self.code = code
        self.message = message


def serialization(message: str) -> Refused:
    """The body is no JSON, or a member has another type than the model says."""
    return Refused(400, "SerializationException", message)


def too_late(seconds: float) -> Refused:
    """Nobody has answered in time, such as an engine that builds an image: asking again is right."""
    return Refused(503, "ServiceUnavailableException", f"No answer within {seconds:.0f} s. Ask again.")


def too_large(limit_bytes: int) -> Refused:
    return Refused(413, "RequestEntityTooLargeException", f"The body is over {limit_bytes} bytes.")


def too_slow(seconds: float) -> Refused:
    return Refused(408, "RequestTimeoutException", f"The body of the request was not whole within {seconds:g} s.")


def server_error(message: str) -> Refused:
    return Refused(500, "ServerException", message)


def our_bug() -> Refused:
    return server_error("chaos-ecs has met a bug of its own; the controller's log says more.")


def guests_only_look() -> Refused:
    return Refused(403, "AccessDeniedException", "Guests may look at the page, and do nothing else.")
