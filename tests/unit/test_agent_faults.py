"""The ECS agent's fault endpoints on the simulator: a table like the agent's own, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from chaos_ecs.api.agent_faults import AGENT, AgentFaults
from chaos_ecs.api.agent_requests import AgentRequest
from chaos_ecs.core.faulting import FaultStatus, InjectedFault
from chaos_ecs.core.model import Task
from tests.unit.api_harness import CLUSTER, Harness

AGENTS_ADDRESS = "172.18.0.99"
BLACKHOLE, LATENCY, LOSS = "network-blackhole-port", "network-latency", "network-packet-loss"
FAULTS = (BLACKHOLE, LATENCY, LOSS)

HAPPY: Mapping[str, Mapping[str, Any]] = {
    BLACKHOLE: {"Port": 8080, "Protocol": "tcp", "TrafficType": "ingress"},
    LATENCY: {"DelayMilliseconds": 200, "JitterMilliseconds": 10, "Sources": ["0.0.0.0/0"]},
    LOSS: {"LossPercent": 30, "Sources": ["10.0.0.0/8", "1:2:3:4::"]},
}
STRUCTS = {BLACKHOLE: "NetworkBlackholePortRequest", LATENCY: "NetworkLatencyRequest", LOSS: "NetworkPacketLossRequest"}


class Inline(Executor):
    """Does at once what may block: the simulator's answers are there already."""

    def submit(self, act: Callable[..., Any], /, *values: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(act(*values, **named))
        return future


class Room:
    """Tasks that may break their own network, one that may not, and the agent they ask."""

    def __init__(self) -> None:
        self.api = Harness()
        ecs = self.api.client()
        app = {"name": "app", "image": "chaos-ecs/demo:1", "memory": 64, "portMappings": [{"containerPort": 8080}]}
        beside = {"name": "beside", "image": "chaos-ecs/demo:1", "memory": 64, "essential": False}
        families = {"brave": ([app], True), "shy": ([app], False), "two": ([app, beside], True)}
        for family, (containers, may) in families.items():
            ecs.register_task_definition(family=family, containerDefinitions=containers, enableFaultInjection=may)
            ecs.run_task(cluster=CLUSTER, taskDefinition=family)
        self.simulation = self.api.simulation
        self.simulation.advance(5)
        self.begin()

    def begin(self) -> None:
        """The agent of the controller that there is now."""
        assert self.simulation.controller is not None
        self.agent = AgentFaults(self.simulation.controller, Inline(), self.simulation.engine.after)

    def task(self, family: str = "brave") -> Task:
        found = f":task-definition/{family}:"
        return next(task for task in self.simulation.state.tasks.values() if found in task.task_definition_arn)

    def ask(
        self,
        fault: str,
        way: str,
        body: Mapping[str, Any] | str | None = None,
        *,
        family: str = "brave",
        task_id: str = "",
        source: str = "",
        method: str = "POST",
    ) -> Future[tuple[int, Mapping[str, str]]]:
        """Asked from the task's first container, if nothing else is said; not waited for."""
        task = self.task(family)
        sent = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        path = f"/api/{task_id or task.id}/fault/v1/{fault}/{way}"
        request = AgentRequest(method, path, sent, source or task.containers[0].address, AGENTS_ADDRESS)
        return self.agent.answer(request)

    def answer(self, *what: Any, within: float = 3.0, **who: Any) -> tuple[int, str]:
        """The status, and the one word or sentence that the body has."""
        future = self.ask(*what, **who)
        self.simulation.advance(0)
        passed = 0.0
        while not future.done() and passed < within:
            self.simulation.advance(0.1)
            passed += 0.1
        status, body = future.result(0)
        ((name, says),) = body.items()
        assert name == ("Status" if status == 200 else "Error")
        return status, says

    def start(self, fault: str, body: Mapping[str, Any] | None = None, **who: Any) -> tuple[int, str]:
        return self.answer(fault, "start", body or HAPPY[fault], **who)

    def stop(self, fault: str, body: Mapping[str, Any] | None = None, **who: Any) -> tuple[int, str]:
        return self.answer(fault, "stop", body or HAPPY[fault], **who)

    def status(self, fault: str, body: Mapping[str, Any] | None = None, **who: Any) -> tuple[int, str]:
        return self.answer(fault, "status", body or HAPPY[fault], **who)

    def rest(self) -> None:
        """Long enough for the next request of the same kind."""
        self.simulation.advance(5)

    @property
    def faults(self) -> list[InjectedFault]:
        return list(self.simulation.state.faults.values())

    @property
    def the_fault(self) -> InjectedFault:
        (found,) = self.faults
        return found


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture(scope="module")
def one_room() -> Room:
    return Room()


@pytest.fixture
def quiet(one_room: Room) -> Room:
    """For what is refused and injects nothing: the same room for all of them, rested."""
    assert one_room.faults == []
    one_room.rest()
    return one_room


RUNNING, STOPPED, NOT_RUNNING = (200, "running"), (200, "stopped"), (200, "not-running")
INTERNAL = (500, "internal error")


# --- started, stopped, asked about ---


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_started_asked_about_and_stopped(room: Room, fault: str) -> None:
    assert room.status(fault) == NOT_RUNNING
    assert room.start(fault) == RUNNING
    room.rest()
    assert room.status(fault) == RUNNING
    assert room.stop(fault) == STOPPED
    room.rest()
    assert room.status(fault) == NOT_RUNNING
    assert (room.the_fault.name, room.the_fault.status) == (fault, FaultStatus.COMPLETED)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_there_is_stopped_too(quiet: Room, fault: str) -> None:
    assert quiet.stop(fault) == STOPPED
    assert quiet.faults == []


@pytest.mark.parametrize("fault", [LATENCY, LOSS])
@pytest.mark.parametrize("body", [None, "", "no JSON at all"])
def test_latency_and_loss_are_stopped_and_asked_about_without_a_body(room: Room, fault: str, body: str | None) -> None:
    room.start(fault)
    assert room.answer(fault, "status", body) == RUNNING
    assert room.answer(fault, "stop", body) == STOPPED


def test_a_fault_is_one_of_the_catalogue_and_marked_as_the_agents(room: Room) -> None:
    room.start(BLACKHOLE)
    fault = room.the_fault
    assert (fault.experiment, fault.action_id) == (AGENT, "aws:ecs:task-network-blackhole-port")
    assert dict(fault.parameters) == {
        "duration": "PT1H",
        "port": "8080",
        "trafficType": "ingress",
        "protocol": "tcp",
        "exceptSources": "",
    }
    assert [hit.task_arn for hit in fault.hits] == [room.task().arn]


def test_all_containers_of_a_task_are_its_network_whichever_of_them_asks(room: Room) -> None:
    assert room.start(BLACKHOLE, family="two", source=room.task("two").containers[1].address) == RUNNING
    assert [hit.container for hit in room.the_fault.hits] == ["app", "beside"]
    assert room.status(BLACKHOLE, family="two") == RUNNING
    assert room.status(BLACKHOLE) == NOT_RUNNING


def test_the_last_healthy_task_of_a_service_may_break_its_own_network(room: Room) -> None:
    ecs = room.api.client()
    ecs.create_service(cluster=CLUSTER, serviceName="web", taskDefinition="two", desiredCount=1)
    ecs.stop_task(cluster=CLUSTER, task=room.task("two").arn)
    room.simulation.advance(60)
    (task,) = [task for task in room.simulation.state.tasks.values() if task.service_arn]
    assert room.start(BLACKHOLE, task_id=task.id, source=task.containers[0].address) == RUNNING


def test_nobody_who_forgets_it_has_it_for_more_than_an_hour(room: Room) -> None:
    room.start(LATENCY)
    room.simulation.advance(3595)
    assert room.status(LATENCY) == RUNNING
    room.simulation.advance(10)
    assert room.status(LATENCY) == NOT_RUNNING


def test_the_same_black_hole_again_is_no_other_one(room: Room) -> None:
    room.start(BLACKHOLE)
    room.rest()
    assert room.start(BLACKHOLE) == RUNNING
    assert len(room.faults) == 1


def test_a_black_hole_is_known_by_its_port_its_protocol_and_its_direction(room: Room) -> None:
    room.start(BLACKHOLE)
    for other in ({"Port": 8081}, {"Protocol": "udp"}, {"TrafficType": "egress"}):
        room.rest()
        assert room.status(BLACKHOLE, {**HAPPY[BLACKHOLE], **other}) == NOT_RUNNING
        assert room.stop(BLACKHOLE, {**HAPPY[BLACKHOLE], **other}) == STOPPED
    room.rest()
    assert room.status(BLACKHOLE, {**HAPPY[BLACKHOLE], "SourcesToFilter": ["10.0.0.1"]}) == RUNNING


@pytest.mark.parametrize("other", [LATENCY, LOSS])
@pytest.mark.parametrize(
    ("there", "said"),
    [
        (LATENCY, "There is already one network latency fault running"),
        (LOSS, "There is already one network packet loss fault running"),
    ],
)
def test_there_is_latency_or_loss_and_only_once(room: Room, there: str, other: str, said: str) -> None:
    assert room.start(there) == RUNNING
    room.rest()
    assert room.start(other) == (409, said)
    assert room.stop(other) == STOPPED
    assert len(room.faults) == 1


def test_a_black_hole_and_latency_are_had_together(room: Room) -> None:
    assert room.start(BLACKHOLE) == room.start(LATENCY) == RUNNING
    assert room.stop(BLACKHOLE) == STOPPED
    assert room.status(LATENCY) == RUNNING


def test_what_does_not_show_yet_is_not_running_and_asked_for_again_it_is_waited_for(room: Room) -> None:
    first = room.ask(BLACKHOLE, "start", HAPPY[BLACKHOLE])
    room.simulation.engine.up = False
    room.simulation.advance(5)
    assert room.status(BLACKHOLE) == NOT_RUNNING
    second = room.ask(BLACKHOLE, "start", HAPPY[BLACKHOLE])
    room.simulation.advance(1)
    assert (first.done(), second.done()) == (False, False)
    room.simulation.engine.up = True
    room.simulation.advance(2)
    assert first.result(0) == second.result(0) == (200, {"Status": "running"})
    assert len(room.faults) == 1


def test_a_black_hole_that_is_being_undone_is_not_taken_for_one(room: Room) -> None:
    room.start(BLACKHOLE)
    room.simulation.engine.up = False
    room.api.chaos("UndoFaults", all=True)
    room.rest()
    assert room.start(BLACKHOLE) == INTERNAL


def test_the_next_controller_knows_what_holds(room: Room) -> None:
    room.start(BLACKHOLE)
    room.simulation.crash()
    room.simulation.restart()
    room.begin()
    assert room.status(BLACKHOLE) == RUNNING
    assert room.stop(BLACKHOLE) == STOPPED


# --- what others have injected ---


def inject(room: Room, fault: str, *tasks: Task, **more: Any) -> str:
    given = {"port": "8080"} if fault == BLACKHOLE else {}
    params = {"parameters": given, "tasks": [task.arn for task in tasks], "force": True, **more}
    found = room.api.chaos("InjectFault", cluster=CLUSTER, name=fault, **params)
    room.simulation.advance(2)
    return str(found["fault"])


@pytest.mark.parametrize("fault", FAULTS)
def test_the_agent_sees_and_ends_what_somebody_else_injected(room: Room, fault: str) -> None:
    inject(room, fault, room.task())
    assert room.status(fault) == RUNNING
    assert room.start(fault)[0] == (200 if fault == BLACKHOLE else 409)
    assert room.stop(fault) == STOPPED
    assert room.the_fault.is_over


def test_what_hits_other_tasks_too_is_not_for_one_of_them_to_end(room: Room) -> None:
    inject(room, BLACKHOLE, room.task(), room.task("two"))
    assert room.status(BLACKHOLE) == RUNNING
    assert room.stop(BLACKHOLE) == INTERNAL
    assert not room.the_fault.is_over


def test_of_a_sealed_fault_a_task_is_told_nothing(room: Room) -> None:
    inject(room, LATENCY, room.task(), sealed=True)
    assert room.status(LATENCY) == NOT_RUNNING
    assert room.stop(LATENCY) == STOPPED
    assert room.start(LATENCY) == INTERNAL
    assert not room.the_fault.is_over


# --- bodies ---


def without(fault: str, name: str) -> dict[str, Any]:
    return {key: value for key, value in HAPPY[fault].items() if key != name}


def but(fault: str, **members: Any) -> dict[str, Any]:
    return {**HAPPY[fault], **members}


def unfit(fault: str, member: str, what: str, kind: str) -> str:
    return f"json: cannot unmarshal {what} into Go struct field {STRUCTS[fault]}.{member} of type {kind}"


MISSING = [
    *[(BLACKHOLE, without(BLACKHOLE, name), name) for name in HAPPY[BLACKHOLE]],
    *[(LATENCY, without(LATENCY, name), name) for name in HAPPY[LATENCY]],
    *[(LOSS, without(LOSS, name), name) for name in HAPPY[LOSS]],
    (BLACKHOLE, but(BLACKHOLE, TrafficType=""), "TrafficType"),
    (BLACKHOLE, but(BLACKHOLE, Port=None), "Port"),
    (BLACKHOLE, "null", "Port"),
    (LATENCY, but(LATENCY, Sources=[]), "Sources"),
    (LATENCY, {"DelayMilliseconds": 1, "Sources": []}, "JitterMilliseconds"),
    (LOSS, {}, "LossPercent"),
]

UNFIT = [
    (BLACKHOLE, "Port", "incorrect typing", "string", "uint16"),
    (BLACKHOLE, "Port", 70000, "number 70000", "uint16"),
    (BLACKHOLE, "Port", -1, "number -1", "uint16"),
    (BLACKHOLE, "Port", 80.5, "number 80.5", "uint16"),
    (BLACKHOLE, "Port", True, "bool", "uint16"),
    (BLACKHOLE, "Protocol", 6, "number", "string"),
    (BLACKHOLE, "TrafficType", ["ingress"], "array", "string"),
    (BLACKHOLE, "SourcesToFilter", "10.0.0.1", "string", "[]*string"),
    (LATENCY, "DelayMilliseconds", "incorrect-field", "string", "uint64"),
    (LATENCY, "DelayMilliseconds", -1, "number -1", "uint64"),
    (LATENCY, "JitterMilliseconds", -1, "number -1", "uint64"),
    (LATENCY, "JitterMilliseconds", {}, "object", "uint64"),
    (LATENCY, "Sources", "", "string", "[]*string"),
    (LATENCY, "SourcesToFilter", "", "string", "[]*string"),
    (LATENCY, "Sources", [7], "number", "string"),
    (LATENCY, "FlowsPercent", "all", "string", "int"),
    (LOSS, "LossPercent", "incorrect-field", "string", "uint64"),
    (LOSS, "LossPercent", 1.5, "number 1.5", "uint64"),
    (LOSS, "LossPercent", -1, "number -1", "uint64"),
    (LOSS, "Sources", "", "string", "[]*string"),
    (LOSS, "SourcesToFilter", "", "string", "[]*string"),
]

INVALID = [
    (BLACKHOLE, "Protocol", "invalid", "invalid", "Protocol"),
    (BLACKHOLE, "TrafficType", "invalid", "invalid", "TrafficType"),
    (BLACKHOLE, "SourcesToFilter", ["10.0.0"], "10.0.0", "SourcesToFilter"),
    (BLACKHOLE, "Port", 0, "0", "Port"),
    (LATENCY, "DelayMilliseconds", 123456789, "123456789", "DelayMilliseconds"),
    (LATENCY, "FlowsPercent", 101, "101", "flowsPercent"),
    (LATENCY, "FlowsPercent", 0, "0", "flowsPercent"),
    (LATENCY, "flowsPercent", -1, "-1", "flowsPercent"),
    (LOSS, "LossPercent", 0, "0", "LossPercent"),
    (LOSS, "LossPercent", 101, "101", "LossPercent"),
    (LOSS, "FlowsPercent", 101, "101", "flowsPercent"),
    *[
        (fault, name, [source], source, name)
        for fault in (LATENCY, LOSS)
        for name in ("Sources", "SourcesToFilter")
        for source in ("10.1.2.3.4", "52.95.154.0/33", "192.168.1.0/", "2001:db8::/129", "2001:db8::1::1", "host", "")
    ],
]


@pytest.mark.parametrize(("fault", "body", "name"), MISSING)
def test_what_is_missing_is_named(quiet: Room, fault: str, body: Any, name: str) -> None:
    assert quiet.answer(fault, "start", body) == (400, f"required parameter {name} is missing")
    assert quiet.faults == []


@pytest.mark.parametrize(("fault", "member", "value", "what", "kind"), UNFIT)
def test_what_is_of_the_wrong_type_is_told_as_go_does(
    quiet: Room, fault: str, member: str, value: Any, what: str, kind: str
) -> None:
    assert quiet.answer(fault, "start", but(fault, **{member: value})) == (400, unfit(fault, member, what, kind))


@pytest.mark.parametrize(("fault", "member", "value", "written", "name"), INVALID)
def test_what_is_not_valid_is_told_with_its_value(
    quiet: Room, fault: str, member: str, value: Any, written: str, name: str
) -> None:
    said = f"invalid value {written} for parameter {name}"
    assert quiet.answer(fault, "start", but(fault, **{member: value})) == (400, said)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "required request body is missing"),
        (" \n", "required request body is missing"),
        ("{", "unexpected EOF"),
        ('{"Port": "80', "unexpected EOF"),
        ("Port=80", "invalid character 'P' looking for beginning of value"),
        ("[]", "json: cannot unmarshal array into Go value of type types.NetworkBlackholePortRequest"),
        ("7", "json: cannot unmarshal number into Go value of type types.NetworkBlackholePortRequest"),
        ("[" * 100_000, "exceeded max depth"),
    ],
)
@pytest.mark.parametrize("way", ["start", "stop", "status"])
def test_a_body_that_is_no_object_is_refused(quiet: Room, way: str, body: str, said: str) -> None:
    assert quiet.answer(BLACKHOLE, way, body) == (400, said)


def test_neither_delay_nor_jitter_is_nothing_to_start(room: Room) -> None:
    said = "required either DelayMilliseconds or JitterMilliseconds to be non-zero"
    assert room.start(LATENCY, but(LATENCY, DelayMilliseconds=0, JitterMilliseconds=0)) == (400, said)
    room.rest()
    assert room.start(LATENCY, but(LATENCY, DelayMilliseconds=0, JitterMilliseconds=20)) == RUNNING
    assert dict(room.the_fault.parameters)["delayMilliseconds"] == "1"


def test_members_are_known_in_any_case_and_others_are_not_looked_at(room: Room) -> None:
    body = '{"port": 8080, "PROTOCOL": "tcp", "trafficType": "ingress", "Unknown": ""} and more'
    assert room.answer(BLACKHOLE, "start", body) == RUNNING


# --- addresses ---


def test_sources_are_whom_it_is_about_and_those_to_filter_are_spared(room: Room) -> None:
    given = {"Sources": ["10.0.0.7", "10.1.0.0/16", "::1"], "SourcesToFilter": ["10.1.2.3", "::2"], "FlowsPercent": 50}
    assert room.start(LATENCY, but(LATENCY, **given)) == RUNNING
    known = dict(room.the_fault.parameters)
    assert known["sources"] == "10.0.0.7,10.1.0.0/16"
    assert (known["exceptSources"], known["flowsPercent"]) == (f"10.1.2.3,{AGENTS_ADDRESS}", "50")


@pytest.mark.parametrize(
    ("fault", "body", "spared"),
    [
        (LOSS, {}, True),
        (LATENCY, {"FlowsPercent": 50}, True),
        (LATENCY, {"Sources": ["10.0.0.0/8"]}, True),
        (LATENCY, {}, False),  # a queue of netem: it may be late, it is not lost
        (BLACKHOLE, {"TrafficType": "egress", "Port": 51679}, True),
        (BLACKHOLE, {"TrafficType": "egress", "Port": 51678}, False),
        (BLACKHOLE, {"Port": 51679}, False),
    ],
)
def test_a_task_can_always_reach_the_agent_to_stop_it(
    room: Room, fault: str, body: dict[str, Any], spared: bool
) -> None:
    assert room.start(fault, but(fault, **body)) == RUNNING
    assert dict(room.the_fault.parameters)["exceptSources"] == (AGENTS_ADDRESS if spared else "")


def test_who_is_spared_comes_before_who_is_hit(room: Room) -> None:
    room.start(BLACKHOLE, but(BLACKHOLE, SourcesToFilter=["10.0.0.7"]))
    rules = [line for line in room.the_fault.hits[0].recipe.do if " -A " in line]
    assert [rule.split('" ')[1] for rule in rules] == ["-s 10.0.0.7/32 -j RETURN", "-p tcp --dport 8080 -j DROP"]


@pytest.mark.parametrize(("fault", "hits"), [(LATENCY, '-i "$DEVICE"'), (LOSS, "-j DROP")])
def test_that_holds_for_latency_and_loss_and_connections_to_them_are_not_cut(room: Room, fault: str, hits: str) -> None:
    room.start(fault, but(fault, SourcesToFilter=["10.0.0.7"], FlowsPercent=50))
    lines = room.the_fault.hits[0].recipe.do
    first_hit = next(number for number, line in enumerate(lines) if hits in line)
    assert sum("-s 10.0.0.7/32 -j RETURN" in line for line in lines[:first_hit]) == 1
    cut = [line for line in lines if line.startswith("ss -K")]
    assert all(f"and not dst 10.0.0.7/32 and not dst {AGENTS_ADDRESS}/32" in line for line in cut)
    assert len(cut) == (fault == LATENCY)


def test_nobody_here_has_an_address_of_ipv6(quiet: Room) -> None:
    assert quiet.start(LATENCY, but(LATENCY, Sources=["::/0"])) == INTERNAL
    assert quiet.faults == []


# --- who may ask ---


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("way", ["start", "stop", "status"])
def test_a_task_that_did_not_ask_for_it_may_not(quiet: Room, fault: str, way: str) -> None:
    said = f"enableFaultInjection is not enabled for task: {quiet.task('shy').arn}"
    assert quiet.answer(fault, way, HAPPY[fault], family="shy") == (400, said)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("way", ["start", "stop", "status"])
def test_an_id_is_unknown_to_everybody_but_its_own_task(quiet: Room, fault: str, way: str) -> None:
    said = "unable to get task arn from request: unable to get task Arn from v3 endpoint ID: "
    other = quiet.task("two").id
    assert quiet.answer(fault, way, HAPPY[fault], task_id=other) == (404, said + other)
    assert quiet.answer(fault, way, HAPPY[fault], task_id="0000") == (404, said + "0000")
    assert quiet.answer(fault, way, HAPPY[fault], source="172.18.0.250") == (404, said + quiet.task().id)
    assert quiet.faults == []


def test_a_task_that_has_ended_is_not_known_any_more(room: Room) -> None:
    task = room.task()
    room.api.client().stop_task(cluster=CLUSTER, task=task.arn)
    room.simulation.advance(40)
    assert room.answer(BLACKHOLE, "status", HAPPY[BLACKHOLE], source=task.containers[0].address)[0] == 404


def test_a_body_that_makes_no_sense_is_told_before_an_id_that_does_not(quiet: Room) -> None:
    assert quiet.answer(BLACKHOLE, "start", "", task_id="0000") == (400, "required request body is missing")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_allowed(quiet: Room, method: str) -> None:
    assert quiet.answer(BLACKHOLE, "status", HAPPY[BLACKHOLE], method=method)[0] == 405


@pytest.mark.parametrize(("fault", "way"), [("network-magic", "start"), (BLACKHOLE, "begin"), (BLACKHOLE, "start/")])
def test_other_paths_lead_nowhere(quiet: Room, fault: str, way: str) -> None:
    assert quiet.answer(fault, way, "")[0] == 404


# --- too often ---


def test_one_request_in_five_seconds_is_answered_of_each_kind_and_task(room: Room) -> None:
    assert room.status(BLACKHOLE) == NOT_RUNNING
    assert room.status(BLACKHOLE)[0] == 429
    assert room.status(LATENCY) == NOT_RUNNING
    assert room.stop(BLACKHOLE) == STOPPED
    assert room.status(BLACKHOLE, family="two") == NOT_RUNNING
    room.simulation.advance(4.8)
    assert room.status(BLACKHOLE)[0] == 429
    room.simulation.advance(0.3)
    assert room.status(BLACKHOLE) == NOT_RUNNING


def test_what_was_refused_counts_unless_somebody_else_asked(room: Room) -> None:
    assert room.answer(BLACKHOLE, "status", "")[0] == 400
    assert room.status(BLACKHOLE)[0] == 429
    room.rest()
    assert room.answer(BLACKHOLE, "status", HAPPY[BLACKHOLE], source="172.18.0.250")[0] == 404
    assert room.status(BLACKHOLE) == NOT_RUNNING


# --- what does not work ---


@pytest.mark.parametrize("fault", FAULTS)
def test_what_had_no_effect_is_an_internal_error_and_the_events_say_why(room: Room, fault: str) -> None:
    room.simulation.engine.refuses = lambda effect: "no effect could be measured"
    assert room.start(fault) == INTERNAL
    assert any("inconclusive: no effect could be measured" in event.message for event in room.simulation.events)
    room.rest()
    assert room.status(fault) == NOT_RUNNING
    assert room.the_fault.is_over


def test_what_shows_on_one_container_only_is_undone_on_the_other(room: Room) -> None:
    room.simulation.engine.refuses = lambda effect: "no" if effect.index else ""
    assert room.start(BLACKHOLE, family="two") == INTERNAL
    room.rest()
    assert room.status(BLACKHOLE, family="two") == NOT_RUNNING
    assert all(hit.is_over for hit in room.the_fault.hits)


@pytest.mark.parametrize(("fault", "seconds"), [(BLACKHOLE, 10), (LOSS, 20)])
def test_what_takes_too_long_is_told_and_undone(room: Room, fault: str, seconds: float) -> None:
    room.simulation.engine.up = False
    future = room.ask(fault, "start", HAPPY[fault])
    room.simulation.advance(seconds - 0.1)
    assert not future.done()
    room.simulation.advance(0.1)
    assert future.result(0) == (500, {"Error": f"start {fault}: request timed out"})
    room.simulation.engine.up = True
    room.simulation.advance(5)
    assert room.status(fault) == NOT_RUNNING
    assert room.the_fault.is_over


def test_an_undoing_that_takes_too_long_is_told_as_the_agent_does(room: Room) -> None:
    room.start(LATENCY)
    room.simulation.engine.up = False
    assert room.stop(LATENCY, within=20) == (500, f"stop {LATENCY}: request timed out")


def test_another_port_is_another_black_hole(room: Room) -> None:
    room.start(BLACKHOLE)
    room.rest()
    assert room.start(BLACKHOLE, but(BLACKHOLE, Port=53)) == RUNNING
    assert len(room.faults) == 2


def test_a_fault_that_the_catalogue_refuses_is_an_internal_error(room: Room) -> None:
    """As one that is about IPv6 alone is."""
    assert room.start(LOSS, but(LOSS, Sources=["fd00::1"])) == INTERNAL
    assert len(room.faults) == 0


def test_a_task_that_ends_meanwhile_is_not_waited_for(room: Room) -> None:
    future = room.ask(LOSS, "start", HAPPY[LOSS])
    room.api.client().stop_task(cluster=CLUSTER, task=room.task().arn)
    room.simulation.advance(40)
    assert future.result(0)[0] in (200, 404, 500)
    assert all(fault.is_over for fault in room.faults)
