"""Faults of the control plane, which are carried out by State alone: no container is touched.

The first word of `recipe.do` says which: HOLD, ANSWER or DEPLOY (`faulting.py`). Never here: when they begin and end
(see `faults.py`, `fault_plan.py`).
"""

from __future__ import annotations

import json
from dataclasses import replace

from chaos_ecs.core import rollout, service_commands, task_definitions
from chaos_ecs.core.arns import name_of
from chaos_ecs.core.deploying import RolloutState
from chaos_ecs.core.deployment import fallback
from chaos_ecs.core.errors import ConflictException, InvalidParameterException, ServiceNotFoundException
from chaos_ecs.core.fault_messages import Aim, InjectFault
from chaos_ecs.core.faulting import ANSWER, DEPLOY, HOLD, Hit, HitStatus
from chaos_ecs.core.messages import DeregisterTaskDefinition, RegisterTaskDefinition, UpdateService
from chaos_ecs.core.model import ContainerDefinition, HealthCheck, Service, ServiceStatus, TaskDefinition
from chaos_ecs.core.state import State

NO_SUCH_IMAGE = "chaos-ecs/no-such-image:1"
_BAD_CHECK = HealthCheck(("CMD-SHELL", "exit 1"), interval=5, timeout=2, retries=1)
_CRASH = ("/bin/sh", "-c", "echo crashing; sleep 1; exit 1")


def check(state: State, command: InjectFault, aim: Aim) -> None:
    """Raises before anything is changed."""
    kind = aim.recipe.do[0]
    for fault in state.control_faults:
        same = any(hit.recipe.do[0] == kind and hit.service_arn == aim.service_arn for hit in fault.hits)
        if same and kind != ANSWER:
            raise ConflictException(f"{fault.public_name} holds already. {fault.how_to_end}")
    if kind == DEPLOY:
        service = state.services.get(aim.service_arn)
        if service is None or service.status is not ServiceStatus.ACTIVE:
            raise ServiceNotFoundException("Service not found.")
        if not service.desired_count:
            raise InvalidParameterException(f"Service {service.name} desires no task: no deployment could fail.")


def begin(state: State, hit: Hit, now: float) -> Hit:
    """The hit, carried out. What only shows later is still INJECTING."""
    kind, *settings = hit.recipe.do
    if kind == DEPLOY:
        return _deploy(state, hit, settings[0], now)
    if kind == HOLD:
        proof = "the scheduler decides nothing from now on: what dies stays dead"
    else:
        error, service, percentage, operations = settings
        of_what = operations or "every operation"
        proof = f"{percentage} % of the calls of {of_what} of {service} are answered with {error}"
    return replace(hit, status=HitStatus.ACTIVE, sent_at=now, active_at=now, proof=proof)


def end(state: State, hit: Hit, now: float) -> str:
    """Undoes it; a sentence."""
    kind = hit.recipe.do[0]
    if kind == HOLD:
        state.touch_all()
        return "the scheduler decides again"
    if kind == ANSWER:
        return "the API answers by itself again"
    return _redeploy(state, hit, now)


# --- deployments that cannot work ---


def _deploy(state: State, hit: Hit, what: str, now: float) -> Hit:
    service = state.services[hit.service_arn]
    good = state.task_definitions[service.primary.task_definition_arn]
    family = good.arn.rpartition(":")[0]
    register = RegisterTaskDefinition(
        family_arn=family,
        containers=tuple(_broken(item, what) if item.essential else item for item in good.containers),
        network_mode=good.network_mode,
        cpu=good.cpu,
        memory=good.memory,
        fault_injection=good.fault_injection,
        requires=good.requires,
        not_on_fargate=good.not_on_fargate,
        placement_constraints=good.placement_constraints,
        attributes=good.attributes,
        registered=_registered(good, what),
        tags=good.tags,
    )
    task_definitions.put_revision(state, register, now)
    bad = f"{family}:{state.families[family].latest_revision}"
    service_commands.update_service(state, UpdateService(service.arn, task_definition_arn=bad), now)
    return replace(hit, sent_at=now, prior=json.dumps({"good": good.arn, "bad": bad}))


def _broken(container: ContainerDefinition, what: str) -> ContainerDefinition:
    match what:
        case "image":
            return replace(container, image=NO_SUCH_IMAGE)
        case "crash":
            return replace(container, entry_point=_CRASH[:2], command=_CRASH[2:])
        case _:
            return replace(container, health_check=_BAD_CHECK)


def _registered(good: TaskDefinition, what: str) -> str:
    """The request as it would have been made, for DescribeTaskDefinition."""
    members = {
        "image": {"image": NO_SUCH_IMAGE},
        "crash": {"entryPoint": list(_CRASH[:2]), "command": list(_CRASH[2:])},
        "health": {"healthCheck": {"command": list(_BAD_CHECK.command), "interval": 5, "timeout": 2, "retries": 1}},
    }[what]
    said = json.loads(good.registered)
    for container in said.get("containerDefinitions", ()):
        if container.get("essential", True):
            container.update(members)
    return json.dumps(said)


def _redeploy(state: State, hit: Hit, now: float) -> str:
    """Whatever has become of the service: the bad revision must not be what its family's name means from now on.

    A deployment under way is rolled back, so that the good tasks that are left stay; a new one of the good revision
    would replace them too, and be content with tasks that run for a moment.
    """
    prior = json.loads(hit.prior)
    task_definitions.deregister(state, DeregisterTaskDefinition(prior["bad"]), now)
    good = name_of(prior["good"])
    service: Service | None = state.services.get(hit.service_arn)
    if service is None or service.status is not ServiceStatus.ACTIVE:
        return "the service is gone"
    if service.primary.task_definition_arn != prior["bad"]:
        return f"the service has gone back to {name_of(service.primary.task_definition_arn)} by itself"
    if state.task_definitions[prior["good"]].status != "ACTIVE":
        return f"{good} is INACTIVE: deploy another revision"
    before, is_under_way = fallback(service), service.primary.rollout_state is RolloutState.IN_PROGRESS
    if is_under_way and before is not None and before.task_definition_arn == prior["good"]:
        rollout.stopped(state, service, now, by="user")
        return f"the service goes back to {good}, whose tasks stay"
    service_commands.update_service(state, UpdateService(service.arn, task_definition_arn=prior["good"]), now)
    return f"the service goes back to {good}"
