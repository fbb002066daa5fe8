"""What of a container definition reaches Docker: a table of what an inspection of a real container says, and trials
inside of what tables cannot say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import docker
import pytest

from chaos_ecs.core.container_settings import (
    ContainerSettings,
    Device,
    Link,
    LinuxParameters,
    LogConfiguration,
    Secret,
    Tmpfs,
    Ulimit,
    VolumesFrom,
)
from chaos_ecs.core.messages import RemoveContainer
from chaos_ecs.core.model import ContainerDefinition, Mount, PortMapping
from chaos_ecs.core.task_definitions import sized
from chaos_ecs.live import labels
from chaos_ecs.live.local_files import read
from tests.builders import a_container, eventually
from tests.contract.test_docker import inspected
from tests.contract.test_runtime import a_task, running, start
from tests.contract.worlds import DockerWorld, await_running, execute

pytestmark = pytest.mark.docker
MIB = 1024 * 1024


def with_linux(**members: Any) -> ContainerDefinition:
    return a_container(settings=ContainerSettings(linux=LinuxParameters(**members)))


def with_settings(**members: Any) -> ContainerDefinition:
    return a_container(settings=ContainerSettings(**members))


# (member, definition, where in the inspection, what is there)
REACHES: list[tuple[str, ContainerDefinition, str, Any]] = [
    ("entryPoint", a_container(entry_point=("sleep", "60"), command=None), "Config.Entrypoint", ["sleep", "60"]),
    ("workingDirectory", a_container(working_directory="/tmp"), "Config.WorkingDir", "/tmp"),
    ("user", a_container(user="65534:65534"), "Config.User", "65534:65534"),
    ("hostname", with_settings(hostname="front"), "Config.Hostname", "front"),
    ("interactive", with_settings(interactive=True), "Config.OpenStdin", True),
    ("pseudoTerminal", with_settings(terminal=True), "Config.Tty", True),
    ("dockerLabels", with_settings(docker_labels=(("team", "a"),)), "Config.Labels.team", "a"),
    ("disableNetworking", with_settings(network_disabled=True), "HostConfig.NetworkMode", "none"),
    ("privileged", with_settings(privileged=True), "HostConfig.Privileged", True),
    ("readonlyRootFilesystem", with_settings(read_only_root=True), "HostConfig.ReadonlyRootfs", True),
    ("dnsServers", with_settings(dns_servers=("192.0.2.53",)), "HostConfig.Dns", ["192.0.2.53"]),
    ("dnsSearchDomains", with_settings(dns_search_domains=("a.test",)), "HostConfig.DnsSearch", ["a.test"]),
    ("extraHosts", with_settings(extra_hosts=(("db", "192.0.2.7"),)), "HostConfig.ExtraHosts", ["db:192.0.2.7"]),
    (
        "dockerSecurityOptions",
        with_settings(security_options=("no-new-privileges",)),
        "HostConfig.SecurityOpt",
        ["no-new-privileges"],
    ),
    (
        "ulimits",
        with_settings(ulimits=(Ulimit("nofile", 512, 1024),)),
        "HostConfig.Ulimits",
        [{"Name": "nofile", "Soft": 512, "Hard": 1024}],
    ),
    (
        "systemControls",
        with_settings(system_controls=(("net.ipv4.tcp_keepalive_time", "500"),)),
        "HostConfig.Sysctls",
        {"net.ipv4.tcp_keepalive_time": "500"},
    ),
    ("pidMode host", with_settings(pid_mode="host"), "HostConfig.PidMode", "host"),
    ("ipcMode host", with_settings(ipc_mode="host"), "HostConfig.IpcMode", "host"),
    ("ipcMode none", with_settings(ipc_mode="none"), "HostConfig.IpcMode", "none"),
    ("capabilities.add", with_linux(added_capabilities=("NET_ADMIN",)), "HostConfig.CapAdd", ["NET_ADMIN"]),
    ("capabilities.drop", with_linux(dropped_capabilities=("ALL",)), "HostConfig.CapDrop", ["ALL"]),
    ("initProcessEnabled", with_linux(init_process=True), "HostConfig.Init", True),
    ("sharedMemorySize", with_linux(shared_memory_size=16), "HostConfig.ShmSize", 16 * MIB),
    (
        "tmpfs",
        with_linux(tmpfs=(Tmpfs("/scratch", 8, ("noexec",)),)),
        "HostConfig.Tmpfs",
        {"/scratch": "noexec,size=8m"},
    ),
    (
        "devices",
        with_linux(devices=(Device("/dev/null", "/dev/nothing", ("read",)),)),
        "HostConfig.Devices",
        [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/nothing", "CgroupPermissions": "r"}],
    ),
    ("maxSwap", with_linux(max_swap=32), "HostConfig.MemorySwap", 96 * MIB),
    ("swappiness", with_linux(max_swap=32, swappiness=10), "HostConfig.MemorySwappiness", 10),
    ("memory of the task", sized(a_container(memory=None), None, 128), "HostConfig.Memory", 128 * MIB),
    ("cpu of the task", sized(a_container(), 512, None), "HostConfig.CpuQuota", 50_000),
    (
        "logConfiguration json-file",
        with_settings(log=LogConfiguration("json-file", (("max-size", "1m"),))),
        "HostConfig.LogConfig",
        {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}},
    ),
    (
        "logConfiguration awslogs",
        with_settings(log=LogConfiguration("awslogs", (("awslogs-group", "g"),))),
        "HostConfig.LogConfig",
        {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}},
    ),
]


def test_every_member_reaches_docker(docker_world: DockerWorld) -> None:
    """All of the table at once: one container each."""
    tasks = [a_task() for _ in REACHES]
    execute(docker_world, *(start(task, row[1]) for task, row in zip(tasks, REACHES, strict=True)))
    wrong = {}
    for task, (member, _, place, expected) in zip(tasks, REACHES, strict=True):
        found: Any = inspected(docker_world, await_running(docker_world, task.arn))
        for name in place.split("."):
            found = found[name]
        if found != expected:
            wrong[member] = found
    assert wrong == {}


def said_inside(world: DockerWorld, runtime_id: str, *command: str) -> str:
    """What a program in the container prints."""
    made = world.client.exec_create(runtime_id, list(command))
    said: str = world.client.exec_start(made["Id"]).decode()
    return said.strip()


def test_labels_of_ours_cannot_be_taken(docker_world: DockerWorld) -> None:
    definition = with_settings(docker_labels=((labels.HOME, "mine"), ("team", "a")))
    marks = inspected(docker_world, running(docker_world, definition))["Config"]["Labels"]
    assert (marks[labels.HOME], marks["team"]) == (docker_world.home.id, "a")


def test_variables_come_from_files_then_the_definition_then_secrets(docker_world: DockerWorld) -> None:
    docker_world.keep_file("s3/config/first.env", "A=file\nB=file\n#C=no\n D=1=2\n")
    docker_world.keep_file("s3/config/second.env", "B=second\nE=second\n")
    docker_world.keep_file("secrets/prod/token", "s3cr3t\n")
    settings = ContainerSettings(
        environment_files=("arn:aws:s3:::config/first.env", "arn:aws:s3:::config/second.env"),
        secrets=(Secret("TOKEN", "arn:aws:ssm:us-east-1:123456789012:parameter/prod/token"),),
    )
    definition = a_container(environment=(("A", "said"),), settings=settings)
    told = inspected(docker_world, running(docker_world, definition))["Config"]["Env"]
    assert {"A=said", "B=file", "D=1=2", "E=second", "TOKEN=s3cr3t"} <= set(told)
    assert not any(one.startswith("C=") for one in told)


def test_a_file_outside_the_state_folder_is_not_read_by_a_link_either(docker_world: DockerWorld) -> None:
    inside = Path(docker_world.home.path, "secrets")
    inside.mkdir(exist_ok=True)
    inside.joinpath("way-out").symlink_to("/etc/passwd")
    assert read(docker_world.home.path, "secrets/way-out") is None


def test_a_link_leads_to_a_container_of_the_same_task_by_its_other_name(docker_world: DockerWorld) -> None:
    task = a_task("app", "db")
    execute(docker_world, start(task, a_container("db", port_mappings=(PortMapping(8080),))))
    linked = await_running(docker_world, task.arn, "db")
    execute(docker_world, start(task, with_settings(links=(Link("db", "store"),))))
    app = await_running(docker_world, task.arn)
    assert docker_world.resolve(app.runtime_id, "store") == {linked.address}


def test_volumes_of_a_task_are_shared_by_its_containers_and_go_with_the_last(docker_world: DockerWorld) -> None:
    task = a_task("app", "side")
    mount = Mount("/shared", task_volume="scratch")
    for definition in (
        a_container(mounts=(mount, Mount("/own")), user="0"),
        a_container("side", user="0", settings=ContainerSettings(volumes_from=(VolumesFrom("app", read_only=True),))),
    ):
        execute(docker_world, start(task, definition))
        await_running(docker_world, task.arn, definition.name)
    app, side = (await_running(docker_world, task.arn, name) for name in ("app", "side"))
    docker_world.inside(app.runtime_id, "echo here > /shared/note; echo there > /own/note")
    assert said_inside(docker_world, side.runtime_id, "cat", "/shared/note", "/own/note") == "here\nthere"
    assert "Read-only" in said_inside(docker_world, side.runtime_id, "touch", "/shared/other")

    name = labels.task_volume_name(docker_world.home, task.arn, "scratch")
    anonymous = next(one["Name"] for one in inspected(docker_world, app)["Mounts"] if one["Destination"] == "/own")
    execute(docker_world, RemoveContainer(task.arn, "app", app.runtime_id, "because the test wants it", ("scratch",)))
    eventually(lambda: app.runtime_id not in docker_world.engine_has(), within=5)
    assert docker_world.client.inspect_volume(name)
    execute(docker_world, RemoveContainer(task.arn, "side", side.runtime_id, "because the test wants it", ("scratch",)))
    eventually(lambda: not volumes_there(docker_world.client, name, anonymous), within=5)


def volumes_there(client: docker.APIClient, *names: str) -> list[str]:
    found = client.volumes()["Volumes"] or ()
    return [volume["Name"] for volume in found if volume["Name"] in names]


def test_a_volume_has_the_driver_options_and_labels_that_were_said(docker_world: DockerWorld) -> None:
    options = (("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m"))
    mount = Mount("/data", volume="memory", driver="local", driver_options=options, labels=(("team", "a"),))
    running(docker_world, a_container(mounts=(mount,)))
    name = labels.volume_name(docker_world.home, "memory")
    made = docker_world.client.inspect_volume(name)
    assert (made["Options"], made["Labels"]["team"]) == (dict(options), "a")
    assert made["Labels"][labels.HOME] == docker_world.home.id


def test_a_folder_of_the_machine_is_mounted(docker_world: DockerWorld, tmp_path: Path) -> None:
    tmp_path.joinpath("note").write_text("from outside", encoding="utf-8")
    tmp_path.chmod(0o755)
    mount = Mount("/outside", read_only=True, host_path=str(tmp_path))
    found = inspected(docker_world, running(docker_world, a_container(mounts=(mount,))))["Mounts"]
    assert [(one["Type"], one["Source"], one["RW"]) for one in found] == [("bind", str(tmp_path), False)]


def test_limits_hold_inside(docker_world: DockerWorld) -> None:
    linux = LinuxParameters(dropped_capabilities=("ALL",), tmpfs=(Tmpfs("/scratch", 1),), shared_memory_size=4)
    settings = ContainerSettings(
        linux=linux,
        read_only_root=True,
        ulimits=(Ulimit("nofile", 99, 100),),
        system_controls=(("net.core.somaxconn", "77"),),
    )
    app = running(docker_world, a_container(settings=settings)).runtime_id
    assert said_inside(docker_world, app, "sh", "-c", "ulimit -n") == "99"
    assert said_inside(docker_world, app, "cat", "/proc/sys/net/core/somaxconn") == "77"
    assert "Read-only" in said_inside(docker_world, app, "sh", "-c", "echo x > /etc/x")
    written = said_inside(docker_world, app, "sh", "-c", "head -c 2000000 /dev/zero > /scratch/x; wc -c < /scratch/x")
    assert written.endswith("1048576")
    assert said_inside(docker_world, app, "sh", "-c", "grep CapBnd /proc/1/status").endswith("0000000000000000")
