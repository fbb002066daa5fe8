"""The border: a request comes in, is checked, given to its operation, and answered. No sockets, no event loop.

`begin` never waits: it answers with an Exchange whose future is done once the controller has answered. The server
awaits it; a test steps the controller.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

import msgspec

from chaos_ecs import __version__, sigv4
from chaos_ecs.api import client_view, protocol, query, rest
from chaos_ecs.api.auth import Request, authenticate, check_service, check_signed, check_size, check_source, is_region
from chaos_ecs.api.broken import Breakage
from chaos_ecs.api.call import Call, Surroundings, done
from chaos_ecs.api.chaos_operations import CHAOS_OPERATIONS
from chaos_ecs.api.errors import Refused, guests_only_look, our_bug, server_error
from chaos_ecs.api.exchange import JSON, Exchange, Say, json_refusal, refused
from chaos_ecs.api.operations import ECS_OPERATIONS, Perform
from chaos_ecs.api.operations.balancing import ELBV2_OPERATIONS
from chaos_ecs.api.operations.fis import FIS_OPERATIONS
from chaos_ecs.api.operations.scaling import SCALING_OPERATIONS
from chaos_ecs.api.operations.scheduler import SCHEDULER_OPERATIONS
from chaos_ecs.api.page.sessions import Sessions
from chaos_ecs.api.page.site import Begun, Site
from chaos_ecs.api.snapshot import Moment, render, take
from chaos_ecs.api.task_cache import TaskCache
from chaos_ecs.controller import Controller
from chaos_ecs.core.client import services_behind
from chaos_ecs.core.errors import EcsError
from chaos_ecs.core.messages import OpenRegion
from chaos_ecs.core.state import State
from chaos_ecs.sigv4 import Credentials

LOG_READERS = 4

log = logging.getLogger(__name__)

_Seen = tuple[Moment, Mapping[str, Sequence[str]]]
"""A moment, and which services are behind each listener."""

_OWN_PATHS = ("/", "/health", "/state", "/events")


class Border:
    """`now` is the wall clock, which signatures are held against; `stop` is called by StopController; `fis` are the
    operations of that API; `page` is what the cluster page is about: region, cluster, clusterArn; `share`
    opens a door for guests, and answers with its addresses."""

    def __init__(
        self,
        controller: Controller,
        credentials: Credentials,
        *,
        port: int,
        info: Mapping[str, Any],
        now: Callable[[], float],
        stop: Callable[[], None],
        client: client_view.Figures = client_view.nobody,
        fis: Mapping[str, Perform] = FIS_OPERATIONS,
        page: Mapping[str, str] = MappingProxyType({}),
        share: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self.controller = controller
        self._client = client
        self.credentials = credentials
        self.port = port
        self._now = now
        self.sessions = Sessions(credentials.secret_access_key, now)
        about = {**_about(port, info), **page}
        self._site = Site(
            self.sessions, port=port, look=self._look, render=self._rendered, perform=self._perform_named, about=about
        )
        self._background = ThreadPoolExecutor(LOG_READERS, thread_name_prefix="logs")
        self._surroundings = Surroundings(
            controller,
            TaskCache(lambda view: protocol.ecs().encode("Task", view)),
            self._background,
            {"port": port, "startedAt": now(), **info},
            stop,
            self.sessions,
            share,
        )
        self._breakage = Breakage(lambda: controller.state.control_faults)
        self._regions: dict[str, None] = {}
        self._numbers = itertools.count(1)
        self._apis: dict[str, tuple[protocol.Api, Mapping[str, Perform]]] = {
            api.target_prefix: (api, operations)
            for api, operations in (
                (protocol.ecs(), ECS_OPERATIONS),
                (protocol.application_autoscaling(), SCALING_OPERATIONS),
                (protocol.chaos_ecs(), CHAOS_OPERATIONS),
            )
        }
        self._rest_apis: dict[str, tuple[rest.Api, Mapping[str, Perform]]] = {
            api.signing_name: (api, operations)
            for api, operations in ((rest.fis(), fis), (rest.scheduler(), SCHEDULER_OPERATIONS))
        }

    def begin(self, request: Request) -> Exchange:
        """Gives a request to its operation. A refusal is an Exchange that is done already."""
        request_id = self.new_request_id()
        try:
            return self._begun(request, request_id)
        except Exception:
            log.exception("request %s met a bug", request_id)
            return refused(our_bug(), request_id, *self._spoken_by(request))

    def _begun(self, request: Request, request_id: str) -> Exchange:
        if self._site.has(request) and not request.from_afar:
            return self._site.begin(request, request_id)
        if request.guest_port is not None and (request.method, request.path) != ("GET", "/state"):
            return refused(guests_only_look(), request_id, JSON)
        content_type, say = self._spoken_by(request)
        try:
            future, encode = self._route(request, request_id)
        except (Refused, EcsError) as refusal:
            return refused(refusal, request_id, content_type, say)
        return Exchange(future, request_id, content_type, encode, say)

    def refuse(self, request: Request, refusal: Refused) -> Exchange:
        """One that is over before it began, in the words of its protocol."""
        content_type, say = self._spoken_by(request)
        return refused(refusal, self.new_request_id(), content_type, say)

    def new_request_id(self) -> str:
        """The form of a UUID: this controller's process and the number of the request."""
        return f"{os.getpid():08x}-0000-4000-8000-{next(self._numbers):012x}"

    def admit(self, request: Request, service: str) -> str:
        """The region a request is signed for. Raises Refused unless it may be served now."""
        self.check_alive()
        return authenticate(request, service, self.credentials, self._now()).region

    def admit_reader(self, request: Request) -> None:
        """Whoever has a signature, or a session of the page. Raises Refused."""
        right = None if request.from_afar else self._site.right(request)
        if right is None and request.guest_port is not None:
            raise Refused(401, "AccessDeniedException", "The session is over: open the page with its address again.")
        if right is None or "authorization" in request.headers:
            self.admit(request, protocol.chaos_ecs().signing_name)
        else:
            self.check_alive()

    def check_alive(self) -> None:
        if self.controller.failed is not None:
            raise server_error("The controller has failed. Read the end of controller.log, then start it again.")

    def close(self) -> None:
        self._background.shutdown(wait=False, cancel_futures=True)

    def _spoken_by(self, request: Request) -> tuple[str, Say]:
        """The content type that a request is answered with, and how it is refused."""
        if (request.method, request.path) == ("POST", "/"):
            if query.is_query(request):
                return query.CONTENT_TYPE, query.refuse
            return protocol.CONTENT_TYPE, json_refusal
        api = self._rest_api(request)
        return JSON, api.refuse if api else json_refusal

    def _route(self, request: Request, request_id: str) -> Begun:
        check_source(request, self.port)
        check_size(request)
        if request.from_afar:
            check_signed(request)
        match (request.method, request.path):
            case ("POST", "/") if query.is_query(request):
                return self._perform_query(request, request_id)
            case ("POST", "/"):
                return self._perform(request)
            case ("GET", "/health"):
                if request.from_afar:
                    self.admit_reader(request)
                told = {"chaos-ecs": __version__, "pid": os.getpid()}
                return done(told), msgspec.json.encode
            case ("GET", "/state"):
                self.admit_reader(request)
                return self.controller.ask(_look), self._encode_state
            case (_, path) if path in _OWN_PATHS:
                raise Refused(405, "MethodNotAllowedException", f"{path} does not take {request.method}.")
        return self._perform_rest(request)

    def _look(self) -> Future[_Seen]:
        self.check_alive()
        return self.controller.ask(_look)

    def _rendered(self, seen: _Seen) -> dict[str, Any]:
        """Never on the controller's thread: a large State takes its time."""
        moment, behind = seen
        clock = self._surroundings.info.get("clock")
        told = render(moment) | ({"clock": clock} if clock else {})
        return client_view.with_client(told, behind, self._client())

    def _encode_state(self, seen: _Seen) -> bytes:
        return msgspec.json.encode(self._rendered(seen))

    def _check_service(self, request: Request) -> None:
        by_target = (api.signing_name for api, _ in self._apis.values())
        check_service(request, (*by_target, query.elbv2().signing_name, *self._rest_apis))

    def _perform(self, request: Request) -> Begun:
        target = request.headers.get("x-amz-target", "")
        prefix, _, name = target.partition(".")
        if prefix not in self._apis:
            self._check_service(request)
        api, operations = self._apis.get(prefix, (protocol.ecs(), ECS_OPERATIONS))
        region = self.admit(request, api.signing_name)
        if prefix != api.target_prefix or name not in api.operation_names:
            raise Refused(400, "UnknownOperationException", f"There is no operation '{target[:100]}'.")
        return self._perform_of(api, _registered(operations, name), name, region, request.body)

    def _perform_named(self, service: str, name: str, region: str, body: bytes) -> Begun:
        """An operation that the cluster page asks for: its members as JSON, whatever its protocol."""
        self.check_alive()
        if service in self._rest_apis:
            return self._perform_rest_named(service, name, region, body)
        api, operations = next((pair for pair in self._apis.values() if pair[0].signing_name == service), (None, {}))
        if api is None or name not in api.operation_names or not is_region(region):
            raise Refused(400, "UnknownOperationException", f"There is no operation '{service} {name}' in '{region}'.")
        return self._perform_of(api, _registered(operations, name), name, region, body)

    def _perform_of(self, api: protocol.Api, perform: Perform, name: str, region: str, body: bytes) -> Begun:
        operation = api.operation(name)
        self._breakage.check(api.signing_name, name)
        params = operation.parse(body)
        self._open_region(region)
        return self._begin(perform, region, params), operation.serialise

    def _perform_query(self, request: Request, request_id: str) -> Begun:
        """Elastic Load Balancing is the one API here that is no JSON."""
        self._check_service(request)
        api = query.elbv2()
        region = self.admit(request, api.signing_name)
        fields = query.decode(request.body)
        name = api.named_in(fields)
        perform = _registered(ELBV2_OPERATIONS, name)
        self._breakage.check(api.signing_name, name)
        operation = api.operation(name)
        future = self._begin(perform, region, operation.parse(fields))
        return future, lambda output: operation.serialise(output, request_id)

    def _rest_api(self, request: Request) -> rest.Api | None:
        """The one whose signature a request has, or else whose path: what is not signed for it, it is to refuse."""
        if request.path in _OWN_PATHS:
            return None
        scope = sigv4.parse(request.headers.get("authorization", ""))
        if scope is not None and scope.service in self._rest_apis:
            return self._rest_apis[scope.service][0]
        return next((api for api, _ in self._rest_apis.values() if api.has(request.path)), None)

    def _perform_rest(self, request: Request) -> Begun:
        api = self._rest_api(request)
        if api is None:
            self._check_service(request)
            raise Refused(404, "ResourceNotFoundException", f"There is nothing at {request.path[:100]}.")
        region = self.admit(request, api.signing_name)
        name = api.named_in(request)
        perform = _registered(self._rest_apis[api.signing_name][1], name)
        operation = api.operation(name)
        params = operation.parse(request)
        self._open_region(region)
        return self._begin(perform, region, params), operation.serialise

    def _perform_rest_named(self, service: str, name: str, region: str, body: bytes) -> Begun:
        api, operations = self._rest_apis[service]
        if name not in api.operation_names or not is_region(region):
            raise Refused(400, "UnknownOperationException", f"There is no operation '{service} {name}' in '{region}'.")
        operation = api.operation(name)
        params = operation.parse_members(protocol.decode(body))
        self._open_region(region)
        return self._begin(_registered(operations, name), region, params), operation.serialise

    def _begin(self, perform: Perform, region: str, params: Mapping[str, Any]) -> Future[Any]:
        future = perform(Call(self._surroundings, region, params))
        self.check_alive()  # again: what was asked of a loop that has just died is never answered
        return future

    def _open_region(self, region: str) -> None:
        """The seed's cluster and task definitions are there before a region's first request is answered."""
        if region in self._regions:
            return
        self.controller.request(
            lambda state: None if state.region_is_open(region) else OpenRegion(region), lambda state, now, events: None
        )
        self._regions[region] = None


def _about(port: int, info: Mapping[str, Any]) -> dict[str, Any]:
    """What the page tells of the controller."""
    simulated = bool(info.get("simulated"))
    return {"version": __version__, "endpoint": f"http://127.0.0.1:{port}", "simulated": simulated}


def _look(state: State, now: float) -> _Seen:
    return take(state, now), services_behind(state)


def _registered(operations: Mapping[str, Perform], name: str) -> Perform:
    if name not in operations:
        raise Refused(501, "NotImplementedException", f"chaos-ecs does not have the operation {name} yet.")
    return operations[name]
