"""A request under way, and how it is answered or refused. No sockets, no event loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from chaos_ecs.api import protocol
from chaos_ecs.api.errors import Refused, our_bug, server_error
from chaos_ecs.core.errors import EcsError
from chaos_ecs.errors import ChaosEcsError

JSON = "application/json"

Say = Callable[[Refused, str], tuple[Refused, bytes]]
"""Puts a refusal into the words and the form of a protocol."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes


def json_refusal(refusal: Refused, request_id: str) -> tuple[Refused, bytes]:
    return refusal, protocol.error_body(refusal.code, refusal.message, refusal.members)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request under way: `answer` is to be called once `future` is done, on any thread. `say` is its protocol's."""

    future: Future[Any]
    request_id: str
    content_type: str
    encode: Callable[[Any], bytes]
    say: Say = json_refusal
    headers: Mapping[str, str] = field(default_factory=dict)  # of every answer, refusals too

    def answer(self) -> Response:
        try:
            return self._response(200, self.encode(self.future.result(timeout=0)))
        except EcsError as refusal:
            return self.refuse(Refused(400, refusal.code, refusal.message, refusal.members))
        except Refused as refusal:
            return self.refuse(refusal)
        except ChaosEcsError as trouble:  # such as an engine that went away
            return self.refuse(server_error(f"{trouble}. Next: {trouble.hint}."))
        except Exception as trouble:
            if isinstance(trouble.__cause__, ChaosEcsError):  # such as a full disk, which ended the controller
                return self.refuse(server_error(f"The controller has stopped. {trouble.__cause__}."))
            log.exception("request %s met a bug", self.request_id)
            return self.refuse(our_bug())

    def refuse(self, refusal: Refused) -> Response:
        said, body = self.say(refusal, self.request_id)
        return self._response(said.status, body, {"x-amzn-ErrorType": said.code})

    def _response(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        always = {"content-type": self.content_type, "x-amzn-RequestId": self.request_id, "cache-control": "no-store"}
        return Response(status, {**always, **self.headers, **(headers or {})}, body)


def refused(
    refusal: Exception,
    request_id: str,
    content_type: str,
    say: Say = json_refusal,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Exchange:
    """One that is over already."""
    failed: Future[Any] = Future()
    failed.set_exception(refusal)
    return Exchange(failed, request_id, content_type, lambda body: b"", say, headers)
