"""The ECS agent's fault endpoints: a task breaks its own network, and the controller does it like any other fault.

The network of a task is that of all its containers, each of which has one of its own here. Where the agent answers as
soon as its commands have run, this waits until the effect was measured. What is asked for is understood in
`agent_requests.py`. Never here: sockets, and how a request comes in (`live/agent.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

from chaos_ecs.api.agent_requests import (
    BLACKHOLE,
    INTERNAL,
    LATENCY,
    LOSS,
    AgentRefusal,
    AgentRequest,
    Answer,
    Asked,
    Wanted,
    asked_by,
    is_asked_by,
    refused,
    task_named,
    wanted,
)
from chaos_ecs.api.call import done, then
from chaos_ecs.api.fault_operations import abilities_of, injected_id
from chaos_ecs.chaos import catalogue, parameters
from chaos_ecs.chaos.aiming import Order, aimed
from chaos_ecs.chaos.fault import Abilities, Ability
from chaos_ecs.chaos.victims import Selection
from chaos_ecs.controller import Controller
from chaos_ecs.core.fault_messages import InjectFault, UndoFaults
from chaos_ecs.core.faulting import InjectedFault
from chaos_ecs.core.messages import Event
from chaos_ecs.core.model import Task
from chaos_ecs.core.state import State

AGENT = "ecs-agent"
"""Stands for the experiment in the faults that are injected here."""

HOLDS_FOR = "1h"
"""The agent's own holds until it is stopped. Ours ends, whoever forgets it."""

PORT = 51679
EVERY_SECONDS = 5.0  # developer guide: "a rate limit of 1 request per 5 seconds"
COMMAND_SECONDS = 5.0  # what the agent gives its commands; measuring comes on top
LONGEST_SECONDS = 30.0

After = Callable[[float, Callable[[], None]], object]
"""Runs something some seconds from now, on any thread."""

_ONE_AT_A_TIME = {
    LATENCY: "There is already one network latency fault running",
    LOSS: "There is already one network packet loss fault running",
}

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Waiting:
    """For what becomes of some faults. `judge` answers once that is known."""

    judge: Callable[[State], Answer | None]
    answer: Future[Answer] = field(default_factory=Future)


class AgentFaults:
    """`background` is for what may block. What is kept here belongs to the loop's thread."""

    def __init__(self, controller: Controller, background: Executor, after: After) -> None:
        self._controller = controller
        self._background = background
        self._after = after
        self._asked_at: dict[tuple[str, str, str], float] = {}  # by task, fault and way
        self._waiting: dict[_Waiting, None] = {}
        controller.subscribe(self._hear)

    def answer(self, request: AgentRequest) -> Future[Answer]:
        """The status and the body, once they are known. From any thread; the future never has an exception."""
        told: Future[Answer] = Future()

        def tell(finished: Future[Answer]) -> None:
            error = finished.exception()
            told.set_result(finished.result() if error is None else refused(request, error))

        try:
            asked = asked_by(request)
        except AgentRefusal as refusal:
            return done(refused(request, refusal))
        admitted = self._controller.ask(partial(self._admit, request, asked))
        then(admitted, partial(self._carry_out, request, asked)).add_done_callback(tell)
        return told

    # --- who may ask ---

    def _admit(self, request: AgentRequest, asked: Asked, state: State, now: float) -> tuple[Task, Wanted]:
        """Refuses in the agent's order: what comes too soon, what makes no sense, an id that is not the caller's, a
        task that has not asked for it."""
        task = task_named(state, asked.task_id)
        if task is None or not is_asked_by(task, request):
            wanted(asked, request.body)
            raise _unknown(asked)
        self._must_not_hurry(asked, now)
        wants = wanted(asked, request.body)
        if not task.fault_injection:
            raise AgentRefusal(400, f"enableFaultInjection is not enabled for task: {task.arn}")
        return task, wants

    def _must_not_hurry(self, asked: Asked, now: float) -> None:
        self._asked_at = {key: at for key, at in self._asked_at.items() if 0 <= now - at < EVERY_SECONDS}
        key = (asked.task_id, asked.fault, asked.way)
        if key in self._asked_at:
            raise AgentRefusal(429, "You have reached maximum request limit.")
        self._asked_at[key] = now

    # --- what they ask for ---

    def _carry_out(self, request: AgentRequest, asked: Asked, admitted: tuple[Task, Wanted]) -> Future[Answer]:
        task, wants = admitted
        match asked.way:
            case "start":
                found = abilities_of(self._controller, self._background)
                return then(found, lambda abilities: self._start(request, asked, task.arn, wants, abilities))
            case "stop":
                return self._stop(asked, task.arn, wants)
            case _:
                return self._controller.ask(lambda state, now: _status(_like(state, asked, task.arn, wants)))

    def _start(
        self, request: AgentRequest, asked: Asked, task_arn: str, wants: Wanted, found: Abilities
    ) -> Future[Answer]:
        given = _given(request, asked, wants, found)
        held: list[str] = []

        def command(state: State) -> InjectFault | None:
            held.extend(_held(state, asked, task_arn, wants))
            return None if held else _injection(state, asked, task_arn, given, found, self._controller.clock.now())

        def begun(state: State, now: float, events: Sequence[Event]) -> Future[Answer]:
            return self._until_it_holds(asked, task_arn, state.faults[held[0] if held else injected_id(events)])

        return then(self._controller.request(command, begun), lambda answer: answer)

    def _until_it_holds(self, asked: Asked, task_arn: str, fault: InjectedFault) -> Future[Answer]:
        """A start that fails leaves nothing: what shows on some containers only, or too late, is undone."""

        def judge(state: State) -> Answer | None:
            unproven = [hit for hit in state.faults[fault.id].hits if hit.task_arn == task_arn and not hit.is_proven]
            if not unproven:
                return 200, {"Status": "running"}
            return (500, {"Error": INTERNAL}) if any(hit.reason or hit.is_over for hit in unproven) else None

        def undo(finished: Future[Answer]) -> None:
            if finished.result()[0] != 200 and fault.experiment == AGENT:
                self._controller.request(lambda state: UndoFaults((fault.id,)), lambda state, now, events: None)

        answer = self._wait(asked, [fault], judge)
        answer.add_done_callback(undo)
        return answer

    def _stop(self, asked: Asked, task_arn: str, wants: Wanted) -> Future[Answer]:
        like: list[InjectedFault] = []

        def command(state: State) -> UndoFaults | None:
            like.extend(_like(state, asked, task_arn, wants))
            if others := [fault.id for fault in like if any(hit.task_arn != task_arn for hit in fault.hits)]:
                log.warning("%s hits other tasks than %s, which must not end it", others[0], task_arn)
                raise AgentRefusal(500, INTERNAL)
            return UndoFaults(tuple(fault.id for fault in like)) if like else None

        def judge(state: State) -> Answer | None:
            left = [fault for fault in like if fault.id in state.faults and not state.faults[fault.id].is_over]
            return None if left else (200, {"Status": "stopped"})

        begun = self._controller.request(command, lambda state, now, events: self._wait(asked, like, judge))
        return then(begun, lambda answer: answer)

    # --- waiting ---

    def _wait(
        self, asked: Asked, faults: Sequence[InjectedFault], judge: Callable[[State], Answer | None]
    ) -> Future[Answer]:
        if (known := judge(self._controller.state)) is not None:
            return done(known)
        waiting = _Waiting(judge)
        self._waiting[waiting] = None

        def give_up(state: State, now: float) -> None:
            self._end(waiting, (500, {"Error": f"{asked.request_type}: request timed out"}))

        def is_late() -> None:
            self._controller.ask(give_up)

        measuring = max(hit.recipe.probe_seconds for fault in faults for hit in fault.hits)
        self._after(min(LONGEST_SECONDS, COMMAND_SECONDS + measuring), is_late)
        return waiting.answer

    def _hear(self, events: Sequence[Event]) -> None:
        if not any("fault" in event.data for event in events):
            return
        for waiting in list(self._waiting):
            if (known := waiting.judge(self._controller.state)) is not None:
                self._end(waiting, known)

    def _end(self, waiting: _Waiting, answer: Answer) -> None:
        if waiting in self._waiting:
            del self._waiting[waiting]
            waiting.answer.set_result(answer)


# --- the fault ---


def _given(request: AgentRequest, asked: Asked, wants: Wanted, found: Abilities) -> dict[str, str]:
    """Its parameters as the catalogue has them. Networks here have IPv4 alone. Raises AgentRefusal."""
    given = {"duration": HOLDS_FOR, **wants.parameters}
    if asked.fault != BLACKHOLE:
        sources = _of_ipv4(wants.sources)
        if not sources:
            log.warning("%s of task %s: nobody here has an address of IPv6", asked.request_type, asked.task_id)
            raise AgentRefusal(500, INTERNAL)
        given["sources"] = "ALL" if any(source.endswith("/0") for source in sources) else ",".join(sources)
    spared = _of_ipv4(wants.spared)
    if not _leaves_the_agent(asked.fault, given, has_netem=not (spared or found.get(Ability.NETEM))):
        spared = dict.fromkeys([*spared, request.agent])
    return {**given, "exceptSources": ",".join(spared)}


def _leaves_the_agent(fault: str, given: Mapping[str, str], *, has_netem: bool) -> bool:
    """Whether the task can still reach the agent, to stop it. A queue of the kernel's slows that down and no more; it
    tells no addresses apart, so none must be spared where it is to be used."""
    if fault == BLACKHOLE:
        return (given["trafficType"], given["port"]) != ("egress", str(PORT))
    return fault == LATENCY and has_netem and given["sources"] == "ALL" and given.get("flowsPercent", "100") == "100"


def _of_ipv4(sources: Sequence[str]) -> dict[str, None]:
    return {source: None for source in sources if ":" not in source}


def _injection(
    state: State, asked: Asked, task_arn: str, given: Mapping[str, str], found: Abilities, now: float
) -> InjectFault:
    """Into all its containers: together they have the task's network. Raises AgentRefusal when none is left."""
    task = state.tasks.get(task_arn)
    live = [member.name for member in task.containers if member.is_live] if task else []
    if task is None or not live:
        raise _unknown(asked)
    order = Order(
        fault=parameters.made(catalogue.named(asked.fault), given),
        cluster_arn=task.cluster_arn,
        selection=Selection(tasks=(task_arn,)),
        forced=True,
        experiment=AGENT,
        abilities=found,
    )
    commands = [aimed(state, replace(order, container=name), Random(0), now) for name in live]
    return replace(commands[0], aims=tuple(aim for command in commands for aim in command.aims))


# --- what holds already ---


def _like(state: State, asked: Asked, task_arn: str, wants: Wanted) -> list[InjectedFault]:
    """The open faults of the task that are what is asked about, whoever injected them: the agent looks at the network.
    What is sealed is nobody's to know."""
    same = {name: wants.parameters[name] for name in ("port", "protocol", "trafficType") if asked.fault == BLACKHOLE}
    return [
        fault
        for fault in state.faults_of(task_arn)
        if fault.name == asked.fault and not fault.is_secret and same.items() <= dict(fault.parameters).items()
    ]


def _held(state: State, asked: Asked, task_arn: str, wants: Wanted) -> list[str]:
    """The same black hole, which is not made twice. Raises AgentRefusal where there is latency or loss already."""
    if asked.fault == BLACKHOLE:
        return [fault.id for fault in _like(state, asked, task_arn, wants) if fault.undo_asked_at is None]
    for fault in state.faults_of(task_arn):
        if fault.name in _ONE_AT_A_TIME and not fault.is_secret:
            raise AgentRefusal(409, _ONE_AT_A_TIME[fault.name])
    return []


def _status(like: Sequence[InjectedFault]) -> Answer:
    holds = any(hit.is_proven and not hit.is_over for fault in like for hit in fault.hits)
    return 200, {"Status": "running" if holds else "not-running"}


# --- refusals ---


def _unknown(asked: Asked) -> AgentRefusal:
    reason = f"unable to get task arn from request: unable to get task Arn from v3 endpoint ID: {asked.task_id}"
    return AgentRefusal(404, reason)
