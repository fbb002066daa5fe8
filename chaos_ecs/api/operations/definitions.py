"""Task definitions: API_RegisterTaskDefinition and what describes, deregisters and lists them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from concurrent.futures import Future
from types import MappingProxyType
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.members import named_in, tags_of, wants
from chaos_ecs.api.paging import page
from chaos_ecs.api.views import container_definition_view, tag_list, task_definition_view
from chaos_ecs.core import messages as m
from chaos_ecs.core.arns import family_arn, region_of
from chaos_ecs.core.errors import ClientException
from chaos_ecs.core.model import (
    ContainerDefinition,
    Dependency,
    DependencyCondition,
    HealthCheck,
    Mount,
    PortMapping,
    TaskDefinition,
)
from chaos_ecs.core.state import State

DEFAULT_NETWORK_MODE = "bridge"
_UNITS_OF = {"cpu": (re.compile(r"([0-9]{0,6}\.?[0-9]{1,6})\s*vcpu"), 1024)}
_UNITS_OF["memory"] = (re.compile(r"([0-9]{0,6}\.?[0-9]{1,6})\s*gb"), 1024)

_Answer = Future[dict[str, Any]]
_Params = Mapping[str, Any]


def register_task_definition(call: Call) -> _Answer:
    """The next revision of its family, with ECS's defaults filled in. Raises ClientException, and
    InvalidParameterException for its tags (API_RegisterTaskDefinition)."""
    params = call.params
    if not identifiers.NAME.fullmatch(params["family"]):
        raise ClientException("Family contains invalid characters.")
    network_mode = params.get("networkMode", DEFAULT_NETWORK_MODE)
    volumes = {item.get("name", ""): item for item in params.get("volumes", ())}
    containers = tuple(container_definition(item, volumes) for item in params["containerDefinitions"])
    command = m.RegisterTaskDefinition(
        family_arn=family_arn(call.region, params["family"]),
        containers=containers,
        network_mode=network_mode,
        cpu=_task_size(params, "cpu"),
        memory=_task_size(params, "memory"),
        fault_injection=params.get("enableFaultInjection"),
        registered=json.dumps(_filled_in(params, containers, network_mode)),
        tags=tags_of(params),
    )

    def answer(state: State, now: float, events: tuple[m.Event, ...]) -> dict[str, Any]:
        (arn,) = named_in(events, m.EventType.TASK_DEFINITION_REGISTERED, "taskDefinition")
        return _described(state.task_definitions[arn], tags=True)

    return call.request(lambda state: command, answer)


def describe_task_definition(call: Call) -> _Answer:
    """The revision, or the newest ACTIVE one of a family; deregistered ones included. Raises ClientException and
    InvalidParameterException (API_DescribeTaskDefinition)."""

    def answer(state: State, now: float) -> dict[str, Any]:
        arn = identifiers.task_definition_arn(state, call.region, call.params["taskDefinition"])
        definition = state.task_definitions.get(arn)
        if definition is None:
            raise ClientException("Unable to describe task definition.")
        return _described(definition, tags=wants(call.params, "TAGS"))

    return call.ask(answer)


def _described(definition: TaskDefinition, *, tags: bool) -> dict[str, Any]:
    return {
        "taskDefinition": task_definition_view(definition),
        "tags": tag_list(definition.tags) if tags else None,
    }


def deregister_task_definition(call: Call) -> _Answer:
    """The revision, INACTIVE: it goes on being describable, and what runs from it goes on running. Raises
    ClientException and InvalidParameterException (API_DeregisterTaskDefinition)."""
    named = identifiers.family_revision(call.region, call.params["taskDefinition"])
    if named.revision is None:
        raise ClientException("Revision is missing.")
    arn = f"{family_arn(call.region, named.family)}:{named.revision}"
    return call.request(
        lambda state: m.DeregisterTaskDefinition(arn),
        lambda state, now, events: {"taskDefinition": task_definition_view(state.task_definitions[arn])},
    )


def list_task_definitions(call: Call) -> _Answer:
    """The ARNs of ACTIVE ones, if nothing else is said, by family and revision; `familyPrefix` is a family's whole
    name. Raises InvalidParameterException (API_ListTaskDefinitions)."""
    status = call.params.get("status", "ACTIVE")
    family = call.params.get("familyPrefix")
    descending = call.params.get("sort") == "DESC"

    def answer(state: State, now: float) -> dict[str, Any]:
        found = sorted(
            (
                ((item.family, item.revision), item.arn)
                for item in state.task_definitions.values()
                if item.status == status and region_of(item.arn) == call.region and family in (None, item.family)
            ),
            reverse=descending,
        )
        return page(call.params, "taskDefinitionArns", found, descending=descending)

    return call.ask(answer)


def list_task_definition_families(call: Call) -> _Answer:
    """The names of families, ACTIVE while they have an ACTIVE revision; here `familyPrefix` is a prefix. Raises
    InvalidParameterException (API_ListTaskDefinitionFamilies)."""
    status = call.params.get("status", "ACTIVE")
    prefix = call.params.get("familyPrefix", "")

    def answer(state: State, now: float) -> dict[str, Any]:
        families: dict[str, str] = {}
        for item in state.task_definitions.values():
            if region_of(item.arn) == call.region and item.family.startswith(prefix):
                known = families.get(item.family)
                families[item.family] = "ACTIVE" if "ACTIVE" in (known, item.status) else "INACTIVE"
        found = sorted((name, name) for name, its_status in families.items() if status in ("ALL", its_status))
        return page(call.params, "families", found)

    return call.ask(answer)


# --- from the wire ---


def container_definition(said: _Params, volumes: Mapping[str, _Params] = MappingProxyType({})) -> ContainerDefinition:
    """The members of API_ContainerDefinition that the core knows; `volumes` are the task definition's, by name."""
    check = said.get("healthCheck")
    return ContainerDefinition(
        name=said.get("name", ""),
        image=said.get("image", ""),
        essential=said.get("essential", True),
        command=_strings(said, "command"),
        entry_point=_strings(said, "entryPoint"),
        environment=environment(said),
        cpu=said.get("cpu", 0),
        memory=said.get("memory"),
        memory_reservation=said.get("memoryReservation"),
        port_mappings=tuple(_port_mapping(item, said) for item in said.get("portMappings", ())),
        depends_on=tuple(
            Dependency(item["containerName"], DependencyCondition(item["condition"]))
            for item in said.get("dependsOn", ())
        ),
        stop_timeout=said.get("stopTimeout"),
        start_timeout=said.get("startTimeout"),
        health_check=_health_check(check) if check else None,
        version_consistency=said.get("versionConsistency") != "disabled",
        user=said.get("user"),
        working_directory=said.get("workingDirectory"),
        mounts=tuple(_mount(item, said, volumes) for item in said.get("mountPoints", ())),
    )


def environment(said: _Params) -> tuple[tuple[str, str], ...]:
    """Variables; of one that is named twice, the last counts. Raises ClientException for one without a name."""
    pairs = {item.get("name", ""): item.get("value", "") for item in said.get("environment", ())}
    if "" in pairs:
        raise ClientException(
            f"Invalid setting for container '{said.get('name', '')}'. An environment variable needs a name."
        )
    return tuple(pairs.items())


def _strings(said: _Params, name: str) -> tuple[str, ...] | None:
    """An empty list says the same as none: what the image says."""
    return tuple(said[name]) if said.get(name) else None


def _port_mapping(said: _Params, container: _Params) -> PortMapping:
    if "containerPort" not in said:
        name = container.get("name", "")
        raise ClientException(f"Invalid setting for container '{name}'. A port mapping needs a containerPort here.")
    return PortMapping(
        container_port=said["containerPort"],
        host_port=said.get("hostPort", 0),
        protocol=said.get("protocol", "tcp"),
        name=said.get("name", ""),
    )


def _mount(said: _Params, container: _Params, volumes: Mapping[str, _Params]) -> Mount:
    """Raises ClientException for a volume that the task definition does not have."""
    name = said.get("sourceVolume", "")
    if name not in volumes:
        raise ClientException(f"Invalid setting for container '{container.get('name', '')}'. Unknown volume '{name}'.")
    volume = volumes[name]
    shared = volume.get("dockerVolumeConfiguration", {}).get("scope") == "shared"
    return Mount(
        path=said.get("containerPath", ""),
        read_only=said.get("readOnly", False),
        volume=name if shared else "",
        host_path=volume.get("host", {}).get("sourcePath", ""),
    )


def _health_check(said: _Params) -> HealthCheck:
    """ECS's defaults where nothing is said: every 30 s, 5 s each, 3 retries, no start period."""
    default = HealthCheck(())
    return HealthCheck(
        command=tuple(said["command"]),
        interval=said.get("interval", default.interval),
        timeout=said.get("timeout", default.timeout),
        retries=said.get("retries", default.retries),
        start_period=said.get("startPeriod", default.start_period),
    )


def _task_size(params: _Params, name: str) -> int | None:
    """A task's cpu or memory, a string on the wire: "256" or "0.25 vCPU", "512" or "0.5 GB"."""
    text = params.get(name, "").strip().lower()
    if not text:
        return None
    pattern, factor = _UNITS_OF[name]
    in_units = pattern.fullmatch(text)
    size = round(float(in_units[1]) * factor) if in_units else int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
    if size < 1:
        raise ClientException(f"Invalid '{name}' setting for task.")
    return size


def _filled_in(params: _Params, containers: tuple[ContainerDefinition, ...], network_mode: str) -> dict[str, Any]:
    """The request as DescribeTaskDefinition will return it: all that was said, and ECS's defaults."""
    filled = {name: value for name, value in params.items() if name != "tags"}
    filled["containerDefinitions"] = [
        _container_filled_in(said, container_definition_view(container, network_mode))
        for said, container in zip(params["containerDefinitions"], containers, strict=True)
    ]
    return filled


def _container_filled_in(said: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    ports = [{**a, **b} for a, b in zip(said.get("portMappings", ()), known["portMappings"], strict=True)]
    filled = {**said, **{name: value for name, value in known.items() if value is not None}, "portMappings": ports}
    for name in ("mountPoints", "volumesFrom", "systemControls"):
        filled[name] = said.get(name, [])
    return filled
