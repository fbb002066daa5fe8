"""The client inside the controller: whom it asks, what it tells the loop, and its figures in the state snapshot.

Its child process is a real one and asks a server on 127.0.0.1; the rest is memory.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from chaos_ecs.api.client_view import nobody as no_client
from chaos_ecs.api.client_view import with_client
from chaos_ecs.core import arns
from chaos_ecs.core.apply import apply
from chaos_ecs.core.balancing import Forward, Listener, Routing, ServiceLoadBalancer, Target, TargetState
from chaos_ecs.core.balancing_messages import ClientFailing, ClientServed
from chaos_ecs.core.client import probed, services_behind
from chaos_ecs.core.messages import CreateService, Fact, OpenRegion
from chaos_ecs.core.model import ServiceStatus
from chaos_ecs.core.state import State
from chaos_ecs.live.prober import ProbedBalancer
from tests.builders import CLUSTER, REGION, WEB, definition_arn, eventually
from tests.http_servers import Behave, a_server, answering, resetting

GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
LISTENER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/web/0123456789abcdef/0123456789abcdef"


@pytest.fixture(autouse=True)
def memory_only() -> None:
    """Not here."""


def an_empty_state() -> State:
    state = State("salt")
    apply(state, OpenRegion(REGION), 0.0)
    return state


def a_balanced_state(port: int = 8480, *, healthy: bool = True) -> State:
    """Service web behind one listener, with one target."""
    state = an_empty_state()
    apply(state, CreateService(WEB, CLUSTER, definition_arn("web-server"), 3), 0.0)
    web = state.services[WEB]
    state.put(replace(web, load_balancers=(ServiceLoadBalancer(GROUP, "app", 8080),)))
    state.put(Listener(LISTENER, "b", 80, port, Forward(((GROUP, 1),)), 0.0))
    state.put(a_target(TargetState.HEALTHY if healthy else TargetState.INITIAL))
    return state


def a_target(state: TargetState) -> Target:
    return Target(GROUP, arns.cluster_arn("us-east-1", "x") + "/7f3a9c", "172.18.0.2", 8080, 0.0, state)


# --- whom it asks ---


def test_a_listener_is_asked_from_its_first_healthy_target_on() -> None:
    state = a_balanced_state(healthy=False)
    assert probed(state, ()) == {}
    state.put(a_target(TargetState.HEALTHY))
    assert probed(state, ()) == {LISTENER: 8480}


def test_a_listener_that_is_asked_is_asked_on_when_its_last_target_dies() -> None:
    state = a_balanced_state()
    state.put(a_target(TargetState.UNHEALTHY))
    assert probed(state, {LISTENER: ""}) == {LISTENER: 8480}


def test_a_listener_without_an_active_service_is_not_asked() -> None:
    state = a_balanced_state()
    state.put(replace(state.services[WEB], status=ServiceStatus.DRAINING))
    assert probed(state, {LISTENER: ""}) == {}


# --- what is told ---


def test_the_loop_tells_when_requests_begin_to_fail_and_when_they_are_answered_again() -> None:
    state = a_balanced_state()
    (failing,) = apply(state, ClientFailing(LISTENER, 3, "connection refused"), 1.0)
    (served,) = apply(state, ClientServed(LISTENER, 1.24, 14, 60), 2.0)
    assert (failing.type, failing.service_arn, failing.cluster_arn) == ("CLIENT_FAILING", WEB, CLUSTER)
    assert failing.message == "the client's requests fail: 3 in the last second (connection refused)"
    assert served.type == "CLIENT_RECOVERED"
    assert served.message == "the client is served again after 1.2 s: 14 of 60 requests failed"
    assert (served.data["failed"], served.data["requests"], served.data["hostPort"]) == (14, 60, 8480)


def test_nothing_is_told_of_a_listener_that_has_gone() -> None:
    state = an_empty_state()
    assert apply(state, ClientFailing(LISTENER, 3, "connection refused"), 1.0) == ()


def test_the_figures_stand_in_all_and_beside_the_service() -> None:
    behind = services_behind(a_balanced_state())
    snapshot = {"services": [{"arn": WEB}, {"arn": "other"}]}
    told = with_client(snapshot, behind, {"total": {"requests": 7}, "listeners": {LISTENER: {"requests": 5}}})
    assert told["client"] == {"requests": 7}
    assert told["services"] == [{"arn": WEB, "client": {"requests": 5}}, {"arn": "other"}]
    assert with_client(snapshot, behind, no_client()) == snapshot


# --- the child ---


class Balancer:
    """One that does nothing, and remembers that it was closed."""

    def __init__(self) -> None:
        self.closed = False

    def open(self, wake: Callable[[], None]) -> None:
        """Nothing to see."""

    def poll(self) -> Sequence[Fact]:
        return ()

    def route(self, routing: Routing) -> None:
        """Nothing to do."""

    def next_fact_at(self) -> float | None:
        return None

    def close(self) -> None:
        self.closed = True


@contextmanager
def a_client(behave: Behave) -> Iterator[tuple[ProbedBalancer, State]]:
    """At 50 requests a second, with its listener asked from the first `poll` on."""
    inner = Balancer()
    client = ProbedBalancer(inner, 50.0)
    with a_server(behave) as url:
        state = a_balanced_state(int(url.rsplit(":", 1)[1].strip("/")))
        client.open(lambda: None)
        client.watch(state)
        try:
            client.poll()
            yield client, state
        finally:
            client.close()
    assert inner.closed


def requests(client: ProbedBalancer) -> int:
    total = client.figures()["total"]
    return int(total["requests"]) if total else 0


def test_it_counts_in_all_and_by_listener_and_ends_with_the_controller() -> None:
    with a_client(answering(body="task 7f3a9c00\n")) as (client, _):
        eventually(lambda: requests(client) > 20, within=10)
        figures = client.figures()
        assert figures["total"]["failed"] == 0
        assert figures["total"]["availability"] == 100.0
        assert list(figures["total"]["tasks"]) == ["7f3a9c00"]
        assert figures["listeners"][LISTENER]["requests"] > 20
        child = client._child
        assert child is not None
    assert child.wait(5) == 0


def test_nothing_is_asked_and_no_process_is_there_without_a_listener() -> None:
    client = ProbedBalancer(Balancer(), 50.0, command=("/nowhere",))
    client.open(lambda: None)
    client.watch(an_empty_state())
    assert client.poll() == []
    assert client.figures()["total"] is None
    client.close()


def test_at_rate_0_nobody_is_asked() -> None:
    client = ProbedBalancer(Balancer(), 0.0, command=("/nowhere",))
    client.open(lambda: None)
    client.watch(a_balanced_state())
    client.poll()
    assert client.figures()["total"] is None
    client.close()


def test_it_stops_when_the_listener_goes_and_its_process_with_it() -> None:
    with a_client(answering()) as (client, state):
        eventually(lambda: requests(client) > 5, within=10)
        child = client._child
        assert child is not None
        state.drop(state.listeners[LISTENER])
        client.poll()
        assert client.figures()["total"] is None
        assert child.wait(5) == 0


def test_a_burst_of_failures_comes_from_poll_as_facts() -> None:
    broken: dict[str, bool] = {}

    def behave(connection: socket.socket) -> None:
        (resetting if broken else answering())(connection)

    with a_client(behave) as (client, _):
        eventually(lambda: requests(client) > 5, within=10)
        assert list(client.poll()) == []
        broken["now"] = True
        facts = eventually(lambda: list(client.poll()), within=10)
        assert facts == [ClientFailing(LISTENER, 3, "connection reset")]
        broken.clear()
        (served,) = eventually(lambda: list(client.poll()), within=10)
        assert isinstance(served, ClientServed)
        assert 3 <= served.failed <= served.requests


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_client_process_that_is_killed_is_followed_by_another() -> None:
    with a_client(answering()) as (client, _):
        eventually(lambda: requests(client) > 5, within=10)
        child = client._child
        assert child is not None
        os.kill(child.pid, signal.SIGKILL)
        child.wait(5)
        counted = requests(client)
        eventually(lambda: requests(client) > counted + 10, within=10)
