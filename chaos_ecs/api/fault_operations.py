"""Our own operations on faults: the catalogue, injecting, undoing, describing. The model is `chaos-ecs.json`.

What a fault is and whom it hits is `chaos/`; here it is only asked for and told.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from random import Random
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.broken import check_operations
from chaos_ecs.api.call import Call, done, then
from chaos_ecs.api.fault_views import fault_view, recipe_view
from chaos_ecs.chaos import catalogue, parameters
from chaos_ecs.chaos.aiming import Order, aimed
from chaos_ecs.chaos.fault import EVERYTHING, Abilities, Ability, Fault, Scope
from chaos_ecs.chaos.instance_aiming import foretold
from chaos_ecs.chaos.victims import SEEDS, Selection
from chaos_ecs.controller import Controller
from chaos_ecs.core.errors import InvalidParameterException, ResourceNotFoundException
from chaos_ecs.core.fault_messages import Aim, InjectFault, UndoFaults
from chaos_ecs.core.messages import Event, EventType
from chaos_ecs.core.state import State

_Answer = Future[dict[str, Any]]
_OF_TASKS = ("tasks", "service", "standalone", "pattern", "tags", "minAgeSeconds", "container")


def list_faults(call: Call) -> _Answer:
    if not call.params.get("judge"):
        return done(_listed(None))
    return then(abilities(call), lambda found: done(_listed(found)))


def inject_fault(call: Call) -> _Answer:
    """Refused before anything is hurt. What the engine can do is asked first, and only if the fault depends on it."""
    params = call.params
    fault = parameters.made(catalogue.named(params["name"]), params.get("parameters", {}))
    seed = params.get("seed", secrets.randbelow(SEEDS))
    _check(params)
    check_operations(fault)
    known = abilities(call) if fault.needs else done(EVERYTHING)
    return then(known, lambda found: _inject(call, fault, seed, found))


def undo_faults(call: Call) -> _Answer:
    named = tuple(call.params.get("faults", ()))
    if bool(named) == bool(call.params.get("all")):
        raise InvalidParameterException("Name faults, or say all.")

    def open_ones(state: State, now: float) -> tuple[str, ...]:
        return named or tuple(fault_id for fault_id, fault in state.faults.items() if not fault.is_closed)

    def undo(ids: tuple[str, ...]) -> _Answer:
        return call.request(lambda state: UndoFaults(ids), lambda state, now, events: {"faults": list(ids)})

    return then(call.ask(open_ones), undo)


def describe_faults(call: Call) -> _Answer:
    named = call.params.get("faults", ())
    everything = call.params.get("all", False)

    def answer(state: State, now: float) -> dict[str, Any]:
        if unknown := [fault_id for fault_id in named if fault_id not in state.faults]:
            raise ResourceNotFoundException(f"There is no fault {unknown[0]}.")
        found = [state.faults[fault_id] for fault_id in named] or [
            fault for fault in state.faults.values() if everything or not fault.is_over
        ]
        return {"faults": [fault_view(fault) for fault in sorted(found, key=lambda fault: fault.number)]}

    return call.ask(answer)


def abilities(call: Call) -> Future[Abilities]:
    return abilities_of(call.surroundings.controller, call.surroundings.background)


def abilities_of(controller: Controller, background: Executor) -> Future[Abilities]:
    """What the engine can do; found out once, in containers of our own."""
    return then(background.submit(controller.runtime.abilities), lambda found: done(_typed(found)))


def _typed(found: Mapping[str, str]) -> Abilities:
    return {ability: found.get(ability.value, "") for ability in Ability}


# --- injecting ---


def _inject(call: Call, fault: Fault, seed: int, found: Abilities) -> _Answer:
    def command(state: State, now: float) -> tuple[InjectFault, list[dict[str, Any]]]:
        found_aims = aimed(state, _order(call, state, fault, seed, found), Random(seed), now)
        return found_aims, [_aim_view(state, aim) for aim in found_aims.aims]

    def told(aimed_at: InjectFault, victims: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "name": fault.name,
            "actionId": fault.action_id,
            "description": aimed_at.description,
            "durationSeconds": aimed_at.seconds,
            "seed": seed,
            "fallback": catalogue.judged(type(fault), found).reason or None,
            "dryRun": call.params.get("dryRun", False),
            "victims": victims,
        }

    def go_on(planned: tuple[InjectFault, list[dict[str, Any]]]) -> _Answer:
        aimed_at, victims = planned
        if call.params.get("dryRun") or not aimed_at.aims:
            return done(told(aimed_at, victims))
        return call.request(
            lambda state: aimed_at, lambda state, now, events: told(aimed_at, victims) | {"fault": injected_id(events)}
        )

    return then(call.ask(command), go_on)


def _aim_view(state: State, aim: Aim) -> dict[str, Any]:
    """Whom it hits, and how, before it does."""
    told = {
        "task": aim.task_arn or None,
        "service": aim.service_arn or None,
        "container": aim.container or None,
        **recipe_view(aim.recipe),
    }
    if instance := state.container_instances.get(aim.instance_arn):
        said = foretold(state, instance, aim.recipe)
        told |= {"instance": instance.arn, "instanceName": instance.name, "foretold": said}
    return told


def injected_id(events: Sequence[Event]) -> str:
    """The id of the fault that these events of one command tell of."""
    return next(str(event.data["fault"]) for event in events if event.type is EventType.FAULT_INJECTED)


def _order(call: Call, state: State, fault: Fault, seed: int, found: Abilities) -> Order:
    cluster = identifiers.known_cluster(state, call.region, call.params.get("cluster"))
    params = call.params
    service = params.get("service")
    named = params.get("tasks", ())
    return Order(
        fault=fault,
        cluster_arn=cluster,
        selection=Selection(
            tasks=tuple(named),
            service_arn=identifiers.known_service(state, cluster, service).arn if service else None,
            standalone=params.get("standalone", False),
            count=None if params.get("all") else params.get("count", 1),
            percent=params.get("percent"),
            tags=tuple(params.get("tags", {}).items()),
            pattern=params.get("pattern", ""),
            min_age=params.get("minAgeSeconds", 0.0),
            instances=tuple(params.get("instances", ())),
            zone=params.get("availabilityZone", ""),
        ),
        container=params.get("container", ""),
        forced=params.get("force", False),
        seed=params.get("seed") if named or params.get("instances") else seed,
        sealed=params.get("sealed", False),
        abilities=found,
    )


def _check(params: Mapping[str, Any]) -> None:
    """Raises InvalidParameterException for what contradicts itself."""
    _check_instances(params)
    filters = [name for name in ("service", "standalone", "pattern", "tags", "minAgeSeconds") if params.get(name)]
    if params.get("tasks") and filters:
        raise InvalidParameterException(f"Specify either tasks or a filter ({filters[0]}), but not both.")
    if params.get("service") and params.get("standalone"):
        raise InvalidParameterException("Specify either service or standalone, but not both.")
    counts = [name for name in ("all", "count", "percent") if params.get(name)]
    if len(counts) > 1:
        raise InvalidParameterException(f"Specify either {counts[0]} or {counts[1]}, but not both.")


def _check_instances(params: Mapping[str, Any]) -> None:
    """Tasks and container instances are not chosen together, and only where the fault can hit both, or the latter."""
    asked = [name for name in ("instances", "availabilityZone") if params.get(name)]
    kind = catalogue.named(params["name"])
    if asked and not kind.picks:
        raise InvalidParameterException(f"{kind.name} is not aimed at container instances chosen by {asked[0]}.")
    of_tasks = [name for name in _OF_TASKS if params.get(name)]
    if of_tasks and (asked or kind.scope is Scope.INSTANCES):
        raise InvalidParameterException(f"{of_tasks[0]} says which tasks, and container instances are to be hit.")
    if len(asked) > 1:
        raise InvalidParameterException("Specify either instances or availabilityZone, but not both.")


def _listed(found: Abilities | None) -> dict[str, Any]:
    return {
        "faults": [_entry(fault, found) for fault in catalogue.FAULTS],
        "notOffered": dict(catalogue.NOT_OFFERED),
    }


def _entry(fault: type[Fault], found: Abilities | None) -> dict[str, Any]:
    if found is None:
        return catalogue.entry(fault)
    judgement = catalogue.judged(fault, found)
    return catalogue.entry(fault, judgement.verdict, judgement.reason)


FAULT_OPERATIONS = {
    "DescribeFaults": describe_faults,
    "InjectFault": inject_fault,
    "ListFaults": list_faults,
    "UndoFaults": undo_faults,
}
