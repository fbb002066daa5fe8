"""The one table of the members of a task definition: honoured, stored or refused, and what is so instead.

Every member of botocore's shapes is in it (`tests/unit/test_definition_members.py`). A stored member is returned by
Describe and named in an event at registration, never silently dropped; a refused one is a ClientException that says so.
What a member means is elsewhere: `operations/container_members.py` for the wire, `live/recipe.py` for Docker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chaos_ecs.core.errors import ClientException

_Params = Mapping[str, Any]


class Standing(StrEnum):
    HONOURED = "honoured"
    STORED = "stored"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Member:
    """`words`: what is so instead, or which part of it is; empty where there is nothing to say."""

    standing: Standing
    words: str = ""


def _honoured(names: str) -> dict[str, Member]:
    return dict.fromkeys(names.split(), Member(Standing.HONOURED))


def _stored(**words: str) -> dict[str, Member]:
    return {name: Member(Standing.STORED, said) for name, said in words.items()}


_NO_ROLES = "nobody checks permissions here"
_NO_FIRELENS = "FireLens does not run here: logs stay with their container. Leave it out, or log with awslogs"
_NO_ACCELERATORS = "no accelerator is handed out"
_OWN_VOLUME = "a Docker volume stands in for it"

TABLE: Mapping[str, Mapping[str, Member]] = {
    "ContainerDefinition": {
        **_honoured(
            "name image cpu memory memoryReservation links portMappings essential restartPolicy entryPoint command "
            "environment environmentFiles mountPoints volumesFrom linuxParameters secrets dependsOn startTimeout "
            "stopTimeout versionConsistency hostname user workingDirectory disableNetworking privileged "
            "readonlyRootFilesystem dnsServers dnsSearchDomains extraHosts dockerSecurityOptions interactive "
            "pseudoTerminal dockerLabels ulimits logConfiguration healthCheck systemControls"
        ),
        **_stored(
            repositoryCredentials="images are pulled as the engine's own client is logged in",
            resourceRequirements=_NO_ACCELERATORS,
            credentialSpecs="there is no Active Directory here",
        ),
        "firelensConfiguration": Member(Standing.REFUSED, _NO_FIRELENS),
    },
    "PortMapping": {
        **_honoured("containerPort hostPort protocol name containerPortRange"),
        **_stored(appProtocol="no proxy reads it"),
    },
    "LinuxParameters": _honoured(
        "capabilities devices initProcessEnabled sharedMemorySize tmpfs maxSwap swappiness",
    ),
    "Volume": {
        **_honoured("name host dockerVolumeConfiguration"),
        **_stored(
            efsVolumeConfiguration=f"{_OWN_VOLUME}, one for each file system, shared by all tasks",
            s3filesVolumeConfiguration=f"{_OWN_VOLUME}, one for each file system, shared by all tasks",
            fsxWindowsFileServerVolumeConfiguration=f"{_OWN_VOLUME}, one for each file system, shared by all tasks",
            configuredAtLaunch=f"{_OWN_VOLUME}, the task's own",
        ),
    },
    "TaskDefinition": {
        **_honoured(
            "family networkMode containerDefinitions volumes requiresCompatibilities cpu memory tags pidMode ipcMode "
            "enableFaultInjection taskDefinitionArn revision status compatibilities registeredAt deregisteredAt "
            "registeredBy deleteRequestedAt placementConstraints"
        ),
        **_stored(
            taskRoleArn=_NO_ROLES,
            executionRoleArn=_NO_ROLES,
            proxyConfiguration="there is no App Mesh here",
            inferenceAccelerators=_NO_ACCELERATORS,
            ephemeralStorage="the engine's disk is the limit",
            runtimePlatform="images run on the engine's own platform",
            trustedExecutionConfiguration="containers are isolated as Docker isolates them",
            requiresAttributes="those that runtimePlatform asks for",
        ),
    },
    "ContainerOverride": {
        **_honoured("name command environment environmentFiles cpu memory memoryReservation"),
        **_stored(resourceRequirements=_NO_ACCELERATORS),
    },
    "TaskOverride": {
        **_honoured("containerOverrides cpu memory"),
        **_stored(
            inferenceAcceleratorOverrides=_NO_ACCELERATORS,
            executionRoleArn=_NO_ROLES,
            taskRoleArn=_NO_ROLES,
            ephemeralStorage="the engine's disk is the limit",
        ),
    },
}


def refuse(params: _Params) -> None:
    """Raises ClientException for what is registered in vain: members that are refused."""
    for said in params["containerDefinitions"]:
        for name in _said_with(said, "ContainerDefinition", Standing.REFUSED):
            words = TABLE["ContainerDefinition"][name].words
            raise ClientException(f"Invalid setting for container '{said.get('name', '')}'. '{name}': {words}.")
        if said.get("logConfiguration", {}).get("logDriver") == "awsfirelens":
            raise ClientException(
                f"Invalid setting for container '{said.get('name', '')}'. Log driver awsfirelens: {_NO_FIRELENS}."
            )
    if params.get("runtimePlatform", {}).get("operatingSystemFamily", "LINUX") != "LINUX":
        raise ClientException("Invalid 'runtimePlatform' setting for task: only Linux containers run here.")


def without_effect(params: _Params) -> tuple[tuple[str, str], ...]:
    """What of a RegisterTaskDefinition is only kept: (member, what is so instead)."""
    told = list(_stored_in(params, "TaskDefinition", ""))
    for volume in params.get("volumes", ()):
        told += _stored_in(volume, "Volume", f"volume '{volume.get('name', '')}': ")
    for said in params["containerDefinitions"]:
        before = f"container '{said.get('name', '')}': "
        told += _stored_in(said, "ContainerDefinition", before)
        for mapping in said.get("portMappings", ()):
            told += _stored_in(mapping, "PortMapping", before)
        told += [(before + member, words) for member, words in _partly(said)]
    told += _of_several(params)
    return tuple(dict.fromkeys(told))


def override_without_effect(said: _Params) -> tuple[tuple[str, str], ...]:
    """The same, of a RunTask's overrides."""
    told = list(_stored_in(said, "TaskOverride", "overrides: "))
    for override in said.get("containerOverrides", ()):
        told += _stored_in(override, "ContainerOverride", f"override of '{override.get('name', '')}': ")
    return tuple(told)


def _said_with(said: _Params, shape: str, standing: Standing) -> Iterator[str]:
    for name, member in TABLE[shape].items():
        if member.standing is standing and said.get(name):
            yield name


def _stored_in(said: _Params, shape: str, before: str) -> Iterator[tuple[str, str]]:
    for name in _said_with(said, shape, Standing.STORED):
        yield before + name, TABLE[shape][name].words


def _partly(said: _Params) -> Iterator[tuple[str, str]]:
    """What is honoured, but for a part of it."""
    if said.get("logConfiguration", {}).get("logDriver") == "awslogs":
        yield "logConfiguration awslogs", "logs stay with their container: chaos-ecs logs"
    if said.get("dnsServers"):
        yield "dnsServers", "they are asked instead of the cluster's own: services are not found by name"
    linux = said.get("linuxParameters", {})
    if "swappiness" in linux and "maxSwap" not in linux:
        yield "swappiness", "it counts only together with maxSwap"


def _of_several(params: _Params) -> Iterator[tuple[str, str]]:
    """What ECS does with containers of one task together, and Docker with each alone."""
    several = len(params["containerDefinitions"]) > 1
    mode = params.get("networkMode")
    if mode == "host":
        yield "networkMode host", "containers are in the cluster's network, their ports on 127.0.0.1"
    if mode == "awsvpc" and several:
        yield "networkMode awsvpc", "each container has an address of its own: they do not share localhost"
    for name in ("pidMode", "ipcMode"):
        if params.get(name) == "task" and several:
            yield f"{name} task", "each container has its own namespace"
    unlimited = [one for one in params["containerDefinitions"] if not one.get("memory")]
    if params.get("memory") and several and unlimited:
        yield "memory of the task", "it limits each container, not their sum"
    if params.get("cpu") and several and any(not one.get("cpu") for one in params["containerDefinitions"]):
        yield "cpu of the task", "it limits each container, not their sum"
