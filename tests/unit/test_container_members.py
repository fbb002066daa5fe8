"""From the wire into the core's words, member by member."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_ecs.api.operations.container_members import container_definitions
from chaos_ecs.core.container_settings import (
    ContainerSettings,
    Device,
    Link,
    LinuxParameters,
    LogConfiguration,
    RestartPolicy,
    Secret,
    Tmpfs,
    Ulimit,
    VolumesFrom,
)
from chaos_ecs.core.model import Mount, PortMapping

LINUX = {
    "capabilities": {"add": ["NET_ADMIN"], "drop": ["CHOWN"]},
    "devices": [{"hostPath": "/dev/a", "permissions": ["read"]}],
    "initProcessEnabled": True,
    "sharedMemorySize": 16,
    "tmpfs": [{"containerPath": "/t", "size": 8, "mountOptions": ["ro"]}],
    "maxSwap": 4,
    "swappiness": 5,
}
SECRET = {"name": "S", "valueFrom": "token"}
SETTINGS: list[tuple[dict[str, Any], ContainerSettings]] = [
    (
        {"linuxParameters": LINUX},
        ContainerSettings(
            linux=LinuxParameters(
                added_capabilities=("NET_ADMIN",),
                dropped_capabilities=("CHOWN",),
                devices=(Device("/dev/a", "", ("read",)),),
                init_process=True,
                shared_memory_size=16,
                tmpfs=(Tmpfs("/t", 8, ("ro",)),),
                max_swap=4,
                swappiness=5,
            )
        ),
    ),
    ({"privileged": True}, ContainerSettings(privileged=True)),
    ({"readonlyRootFilesystem": True}, ContainerSettings(read_only_root=True)),
    ({"disableNetworking": True}, ContainerSettings(network_disabled=True)),
    ({"interactive": True}, ContainerSettings(interactive=True)),
    ({"pseudoTerminal": True}, ContainerSettings(terminal=True)),
    ({"hostname": "h"}, ContainerSettings(hostname="h")),
    ({"links": ["db", "q:queue"]}, ContainerSettings(links=(Link("db", "db"), Link("q", "queue")))),
    (
        {"extraHosts": [{"hostname": "h", "ipAddress": "192.0.2.1"}]},
        ContainerSettings(extra_hosts=(("h", "192.0.2.1"),)),
    ),
    ({"dnsServers": ["192.0.2.1"]}, ContainerSettings(dns_servers=("192.0.2.1",))),
    ({"dnsSearchDomains": ["a.test"]}, ContainerSettings(dns_search_domains=("a.test",))),
    ({"dockerLabels": {"a": "b"}}, ContainerSettings(docker_labels=(("a", "b"),))),
    ({"dockerSecurityOptions": ["no-new-privileges"]}, ContainerSettings(security_options=("no-new-privileges",))),
    (
        {"ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 2}]},
        ContainerSettings(ulimits=(Ulimit("nofile", 1, 2),)),
    ),
    (
        {"systemControls": [{"namespace": "net.a", "value": "1"}]},
        ContainerSettings(system_controls=(("net.a", "1"),)),
    ),
    (
        {"volumesFrom": [{"sourceContainer": "db", "readOnly": True}]},
        ContainerSettings(volumes_from=(VolumesFrom("db", True),)),
    ),
    ({"secrets": [SECRET]}, ContainerSettings(secrets=(Secret("S", "token"),))),
    (
        {"environmentFiles": [{"value": "arn:aws:s3:::b/a.env", "type": "s3"}]},
        ContainerSettings(environment_files=("arn:aws:s3:::b/a.env",)),
    ),
    (
        {"logConfiguration": {"logDriver": "splunk", "options": {"a": "b"}, "secretOptions": [SECRET]}},
        ContainerSettings(log=LogConfiguration("splunk", (("a", "b"),), (Secret("S", "token"),))),
    ),
    ({"links": [], "ulimits": [], "dockerLabels": {}}, ContainerSettings()),
]


def registering(*said: dict[str, Any], **task: Any) -> dict[str, Any]:
    containers = [{"name": name, "image": "x", **one} for name, one in zip(("app", "side"), said, strict=False)]
    return {"containerDefinitions": containers, **task}


@pytest.mark.parametrize(("said", "settings"), SETTINGS, ids=[next(iter(row[0])) for row in SETTINGS])
def test_a_setting_is_read_from_the_wire(said: dict[str, Any], settings: ContainerSettings) -> None:
    (container,) = container_definitions(registering(said))
    assert container.settings == settings


def test_what_is_said_of_the_task_holds_for_each_container() -> None:
    (container,) = container_definitions(registering({}, networkMode="none", pidMode="host", ipcMode="none"))
    assert container.settings == ContainerSettings(network_disabled=True, pid_mode="host", ipc_mode="none")


def test_a_range_of_ports_is_read_with_its_ends() -> None:
    (container,) = container_definitions(registering({"portMappings": [{"containerPortRange": "80-82"}]}))
    assert container.port_mappings == (PortMapping(80, last_port=82),)
    assert list(container.port_mappings[0].container_ports) == [80, 81, 82]


@pytest.mark.parametrize(
    ("said", "policy"),
    [
        ({"enabled": True}, RestartPolicy((), 300)),
        ({"enabled": True, "ignoredExitCodes": [0], "restartAttemptPeriod": 60}, RestartPolicy((0,), 60)),
        ({"enabled": False, "restartAttemptPeriod": 60}, None),
    ],
)
def test_a_restart_policy_is_one_only_if_it_is_enabled(said: dict[str, Any], policy: RestartPolicy | None) -> None:
    (container,) = container_definitions(registering({"restartPolicy": said}))
    assert container.restart_policy == policy


def mounts_of(volume: dict[str, Any], *, shared: bool) -> Mount:
    point = {"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]}
    first, *_ = container_definitions(registering(point, point if shared else {}, volumes=[{"name": "v", **volume}]))
    return first.mounts[0]


DOCKER = "dockerVolumeConfiguration"


@pytest.mark.parametrize(
    ("volume", "shared", "mount"),
    [
        ({}, False, Mount("/v")),
        ({}, True, Mount("/v", task_volume="v")),
        ({"host": {}}, True, Mount("/v", task_volume="v")),
        ({"host": {"sourcePath": "/srv"}}, True, Mount("/v", host_path="/srv")),
        ({DOCKER: {"scope": "task"}}, True, Mount("/v", task_volume="v")),
        ({DOCKER: {"scope": "shared"}}, True, Mount("/v", volume="v")),
        (
            {DOCKER: {"scope": "task", "driver": "local", "driverOpts": {"type": "tmpfs"}, "labels": {"a": "b"}}},
            False,
            Mount("/v", driver="local", driver_options=(("type", "tmpfs"),), labels=(("a", "b"),)),
        ),
        ({"efsVolumeConfiguration": {"fileSystemId": "fs-1"}}, True, Mount("/v", volume="efs-fs-1")),
        (
            {"efsVolumeConfiguration": {"fileSystemId": "fs-1", "rootDirectory": "/a/b"}},
            False,
            Mount("/v", volume="efs-fs-1-a-b"),
        ),
        ({"configuredAtLaunch": True}, False, Mount("/v")),
    ],
)
def test_a_volume_is_one_of_the_container_of_the_task_or_of_all(
    volume: dict[str, Any], shared: bool, mount: Mount
) -> None:
    assert mounts_of(volume, shared=shared) == mount
