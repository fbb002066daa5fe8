"""What ECS checks of a RegisterTaskDefinition before it looks at its containers: roles, volumes, storage, constraints.

Sources: API_RegisterTaskDefinition, API_Volume, API_DockerVolumeConfiguration, API_EFSVolumeConfiguration,
API_EphemeralStorage. AWS's own words where they are known from people's logs. Never here: rules of containers
(`core/container_checks.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.operations.placing import words
from chaos_ecs.core.errors import ClientException, InvalidParameterException
from chaos_ecs.core.placement_rules import constraints_of
from chaos_ecs.core.platforms import FARGATE

LEAST_STORAGE, MOST_STORAGE = 21, 200  # GiB
_KINDS = (
    "dockerVolumeConfiguration",
    "efsVolumeConfiguration",
    "fsxWindowsFileServerVolumeConfiguration",
    "host",
    "s3filesVolumeConfiguration",
)

_Params = Mapping[str, Any]


def check_members(params: _Params) -> None:
    """Raises ClientException for the first thing that ECS refuses."""
    refusals = (_tags(params), _roles(params), _volumes(params), _constraints(params))
    for refusal in (one for found in refusals for one in found):
        raise ClientException(refusal)
    if refused := storage_refusal(params):
        raise ClientException(refused)


def storage_refusal(said: _Params) -> str:
    """Why there is no such ephemeralStorage, or nothing where there is."""
    size = said.get("ephemeralStorage", {}).get("sizeInGiB", LEAST_STORAGE)
    if size < LEAST_STORAGE:
        return f"EphemeralStorage size should be at least {LEAST_STORAGE}."
    return f"EphemeralStorage size should be at most {MOST_STORAGE}." if size > MOST_STORAGE else ""


def _tags(params: _Params) -> Iterator[str]:
    if params.get("tags") == []:
        yield "Tags can not be empty."


def _roles(params: _Params) -> Iterator[str]:
    """Secrets are fetched, and Fargate logs, as the execution role; nobody checks what that may do."""
    if params.get("executionRoleArn"):
        return
    containers = params["containerDefinitions"]
    drivers = [one.get("logConfiguration", {}).get("logDriver") for one in containers]
    if FARGATE in params.get("requiresCompatibilities", ()) and "awslogs" in drivers:
        yield "Fargate requires task definition to have execution role ARN to support log driver awslogs."
    if any(one.get("secrets") for one in containers):
        yield "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."


def _volumes(params: _Params) -> Iterator[str]:
    mounted = [
        point.get("sourceVolume") for one in params["containerDefinitions"] for point in one.get("mountPoints", ())
    ]
    names: dict[str, None] = {}
    for volume in params.get("volumes", ()):
        name = volume.get("name", "")
        if not name:
            yield "A volume needs a name."
        if not identifiers.NAME.fullmatch(name):
            yield f"Volume name '{name}' contains invalid characters."
        if name in names:
            yield f"Duplicate volume name '{name}'."
        names[name] = None
        yield from _kind(volume, name, mounted)


def _kind(volume: _Params, name: str, mounted: Sequence[str | None]) -> Iterator[str]:
    kinds = [kind for kind in _KINDS if volume.get(kind)]
    if len(kinds) > 1:
        yield f"Volume '{name}' can have only one of {', '.join(kinds)}."
    docker = volume.get("dockerVolumeConfiguration", {})
    if docker.get("scope", "task") == "task" and docker.get("autoprovision") is False:
        yield "When 'scope' parameter is 'task', 'autoprovision' must either not be specified or set to 'True'."
    if efs := volume.get("efsVolumeConfiguration"):
        yield from _file_system(efs)
    if volume.get("configuredAtLaunch") and name not in mounted:
        yield f"Volumes [{name}] are not referenced by any of the containers."


def _file_system(said: _Params) -> Iterator[str]:
    authorized, is_encrypted = said.get("authorizationConfig", {}), said.get("transitEncryption") == "ENABLED"
    if authorized.get("iam") == "ENABLED" and not is_encrypted:
        yield "EFS IAM authorization requires TransitEncryption to be enabled."
    if said.get("transitEncryptionPort") and not is_encrypted:
        yield "TransitEncryptionPort requires that TransitEncryption is enabled."
    if authorized.get("accessPointId") and said.get("rootDirectory", "/") not in ("", "/"):
        yield 'When using an EFS access point, the root directory must either be set to "/" or be omitted.'


def _constraints(params: _Params) -> Iterator[str]:
    """Fargate has none at all, which is said wherever it is required."""
    if FARGATE in params.get("requiresCompatibilities", ()):
        return
    try:
        constraints_of(words(params.get("placementConstraints", ()), "expression"))
    except InvalidParameterException as refusal:
        yield str(refusal)
