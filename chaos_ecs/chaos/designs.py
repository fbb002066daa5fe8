"""What a FIS template may say: checked when it is made, so that an experiment fails only for the reasons of the world.

Sources: FIS API reference, CreateExperimentTemplate and its data types; FIS user guide, "Targets" and "Actions".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chaos_ecs.chaos import catalogue, parameters
from chaos_ecs.chaos.alarms import alarm
from chaos_ecs.chaos.fault import Fault, Scope
from chaos_ecs.core.errors import InvalidParameterException, ValidationException
from chaos_ecs.core.experimenting import ActionSpec, Design, TargetSpec
from chaos_ecs.core.model import Task

TASK, SERVICE = "aws:ecs:task", "chaos-ecs:service"
CLUSTER, INSTANCE, SPOT_INSTANCE = "aws:ecs:cluster", "aws:ec2:instance", "aws:ec2:spot-instance"
RESOURCE_TYPES = {
    TASK: "An Amazon ECS task.",
    CLUSTER: "An Amazon ECS cluster.",
    INSTANCE: "An Amazon EC2 instance: here a container instance.",
    SPOT_INSTANCE: "An Amazon EC2 Spot Instance: here a container instance.",
    SERVICE: "An Amazon ECS service. Known to chaos-ecs alone.",
}
TARGET_PARAMETERS = {
    TASK: ("cluster", "service"),
    SERVICE: ("cluster", "service"),
    CLUSTER: (),
    INSTANCE: ("cluster", "availabilityZoneIdentifier"),
    SPOT_INSTANCE: ("cluster", "availabilityZoneIdentifier"),
}
TARGET_KEYS = {Scope.TASKS: ("Tasks", TASK), Scope.SERVICE: ("Services", SERVICE)}
"""What an action calls its target, and of which type that is; faults of the control plane have none here."""

FIS_ONLY = ("installDependencies", "useEcsFaultInjectionEndpoints")
"""Parameters of FIS's own actions that say how AWS carries them out; here there is one way."""

_SELECTION = re.compile(r"ALL|(?P<kind>COUNT|PERCENT)\((?P<number>[1-9]\d{0,5})\)")

# API_ExperimentTemplateTargetFilterInput.path, as far as tasks here have it: DescribeTasks' members in PascalCase.
FILTER_PATHS = ("DesiredStatus", "Group", "LastStatus", "LaunchType", "StartedBy", "TaskDefinitionArn")


@dataclass(frozen=True, slots=True)
class Selected:
    """A selectionMode: all of them, or `count`, or `percent` of a hundred."""

    count: int | None = None
    percent: int | None = None


def selection(mode: str) -> Selected:
    """Raises ValidationException."""
    found = _SELECTION.fullmatch(mode)
    if found is None:
        raise ValidationException(f"The selection mode {mode[:50]} is none of ALL, COUNT(n) and PERCENT(n).")
    number = int(found["number"]) if found["number"] else None
    if found["kind"] == "PERCENT":
        if number is None or number > 100:
            raise ValidationException(f"The selection mode {mode} is over 100 percent.")
        return Selected(percent=number)
    return Selected(count=number)


def fault_of(action: ActionSpec) -> Fault:
    """The fault that an action injects. Raises ValidationException."""
    try:
        fault = catalogue.named(action.action_id)
        known = {item.name for item in parameters.parameters_of(fault)}
        given = {name: value for name, value in action.parameters if name in known or name not in FIS_ONLY}
        return parameters.made(fault, given)
    except InvalidParameterException as refusal:
        raise ValidationException(f"Action {action.name}: {refusal.message}") from None


def targets_of(fault: type[Fault]) -> tuple[tuple[str, str], ...]:
    """What an action may call its target, and of which type that is; without any it has none."""
    if fault.fis_targets:
        return fault.fis_targets
    return (TARGET_KEYS[fault.scope],) if fault.scope in TARGET_KEYS else ()


def check(design: Design) -> None:
    """Raises ValidationException by the name of the target or action."""
    if not design.actions:
        raise ValidationException("An experiment template needs at least one action.")
    targets = {target.name: target for target in design.targets}
    for target in design.targets:
        _check_target(target)
    for action in design.actions:
        _check_action(action, targets)
    used = {name for action in design.actions for _, name in action.targets}
    if unused := [name for name in targets if name not in used]:
        raise ValidationException(f"Target {unused[0]} is used by no action.")
    _check_order(design)
    for condition in design.stop_conditions:
        if condition.source == "none":
            continue
        if condition.source != "aws:cloudwatch:alarm":
            raise ValidationException(f"The stop condition source {condition.source} is not supported.")
        alarm(condition.value)


def _check_target(target: TargetSpec) -> None:
    if target.resource_type not in RESOURCE_TYPES:
        known = ", ".join(RESOURCE_TYPES)
        raise ValidationException(
            f"Target {target.name}: the resource type {target.resource_type} is not supported; here: {known}."
        )
    selection(target.selection_mode)
    parameters_ = dict(target.parameters)
    known_parameters = TARGET_PARAMETERS[target.resource_type]
    if unknown := [name for name in parameters_ if name not in known_parameters]:
        there = " and ".join(known_parameters) or "none"
        raise ValidationException(f"Target {target.name} has no parameter {unknown[0]}: {there} there are.")
    if target.filters and target.resource_type not in (TASK, SERVICE):
        raise ValidationException(f"Target {target.name}: only tasks are filtered here.")
    ways = [bool(target.resource_arns), bool(target.resource_tags or target.filters), bool(parameters_)]
    if not any(ways):
        raise ValidationException(f"Target {target.name} must specify resource ARNs, resource tags, or parameters.")
    if target.resource_arns and (target.resource_tags or target.filters or parameters_):
        raise ValidationException(f"Target {target.name}: resource ARNs exclude tags, filters and parameters.")
    if "service" in parameters_ and "cluster" not in parameters_:
        raise ValidationException(f"Target {target.name}: the parameter service needs the parameter cluster.")
    if target.resource_type == SERVICE and "service" not in parameters_:
        raise ValidationException(f"Target {target.name} must name its service by the parameters cluster and service.")
    for path, _ in target.filters:
        if path not in FILTER_PATHS:
            raise ValidationException(f"Target {target.name}: the filter path {path[:50]} is none of {FILTER_PATHS}.")


def _check_action(action: ActionSpec, targets: Mapping[str, TargetSpec]) -> None:
    wanted = dict(targets_of(type(fault_of(action))))
    given = dict(action.targets)
    if not wanted:
        if given:
            raise ValidationException(f"Action {action.name}: {action.action_id} has no target here; remove it.")
        return
    key = next(iter(given), "")
    if len(given) != 1 or key not in wanted:
        names = " or ".join(wanted)
        raise ValidationException(f"Action {action.name}: {action.action_id} needs the target {names}, and no other.")
    resource_type = wanted[key]
    target = targets.get(given[key])
    if target is None:
        raise ValidationException(f"Action {action.name}: there is no target {given[key][:64]}.")
    if target.resource_type != resource_type:
        raise ValidationException(
            f"Action {action.name}: target {target.name} is of type {target.resource_type}, not {resource_type}."
        )


def _check_order(design: Design) -> None:
    """Every startAfter is an action, and none waits for itself."""
    after = {action.name: action.start_after for action in design.actions}
    for name, others in after.items():
        if missing := [other for other in others if other not in after]:
            raise ValidationException(f"Action {name} starts after {missing[0][:64]}, which does not exist.")
    done: dict[str, None] = {}
    while ready := [name for name, others in after.items() if name not in done and all(o in done for o in others)]:
        done |= dict.fromkeys(ready)
    if stuck := [name for name in after if name not in done]:
        raise ValidationException(f"Action {stuck[0]} would have to start after itself.")


def passes(task: Task, target: TargetSpec) -> bool:
    """Whether a task has what the target's tags and filters ask for. Tags are ANDed, a filter's values ORed."""
    values = {
        "DesiredStatus": task.desired_status.value,
        "Group": task.group,
        "LastStatus": task.last_status.value,
        "LaunchType": task.launch_type,
        "StartedBy": task.started_by,
        "TaskDefinitionArn": task.task_definition_arn,
    }
    return all(tag in task.tags for tag in target.resource_tags) and all(
        values[path] in wanted for path, wanted in target.filters
    )
