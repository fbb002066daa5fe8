"""Docker's words into ours and ours into Docker's: names, labels, times, states."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos_ecs.core import arns
from chaos_ecs.core.messages import RunState
from chaos_ecs.core.model import Container, HealthCheck, HealthStatus, PortBinding, PortMapping, Task
from chaos_ecs.live import inspection, labels, recipe
from chaos_ecs.live.labels import Home
from tests.builders import CLUSTER, a_container, definition_arn

HOME = Home("0123456789abcdef", "/home/ada/.chaos-ecs")
TASK_ID = "0f3a9c1d2b4e5f60718293a4b5c6d7e8"


def a_task(*names: str, service: str = "", family: str = "batch-job") -> Task:
    arn = arns.task_arn(CLUSTER, TASK_ID)
    containers = tuple(Container(name, "", "") for name in names or ("app",))
    service_arn = arns.service_arn(CLUSTER, service) if service else None
    return Task(arn, CLUSTER, definition_arn(family), "group", containers, 1, 0.0, service_arn=service_arn)


def test_a_container_is_named_after_its_service_or_else_its_family() -> None:
    assert labels.container_name(a_task(service="my-web-app"), "app") == "chaos-ecs-my-web-app-0f3a9c1d2b4e"
    assert labels.container_name(a_task(), "app") == "chaos-ecs-batch-job-0f3a9c1d2b4e"


def test_the_containers_of_a_task_of_several_carry_their_own_names() -> None:
    assert labels.container_name(a_task("app", "log"), "log") == "chaos-ecs-batch-job-0f3a9c1d2b4e-log"


def test_long_names_are_cut_to_a_host_names_length_and_stay_apart() -> None:
    task = a_task("a" * 254 + "x", "a" * 254 + "y", service="s" * 255)
    names = {labels.container_name(task, container.name) for container in task.containers}
    assert len(names) == 2
    assert all(len(name) <= 63 for name in names)
    assert len(labels.container_name(a_task(service="s" * 255), "app")) == 63
    clusters = {labels.network_name(HOME, arns.cluster_arn("us-east-1", "c" * 254 + end)) for end in "xy"}
    assert len(clusters) == 2
    assert all(len(name) <= 63 for name in clusters)


def test_every_label_of_a_container_is_there() -> None:
    marks = labels.container_labels(HOME, a_task(service="web"), a_container(port_mappings=(PortMapping(80, 8080),)))
    assert (
        marks.items()
        >= {
            "chaos-ecs.home": HOME.id,
            "chaos-ecs.home-path": HOME.path,
            "chaos-ecs.cluster": CLUSTER,
            "chaos-ecs.task": a_task().arn,
            "chaos-ecs.service": arns.service_arn(CLUSTER, "web"),
            "chaos-ecs.family": "batch-job:1",
            "chaos-ecs.container": "app",
            "chaos-ecs.host-ports": "8080",
        }.items()
    )
    marks = labels.container_labels(HOME, a_task(), a_container(port_mappings=(PortMapping(80),)))
    assert not {"chaos-ecs.service", "chaos-ecs.host-ports"} & marks.keys()


def test_ports_are_published_on_localhost_and_the_engine_picks_where_none_is_named() -> None:
    definition = a_container(port_mappings=(PortMapping(80), PortMapping(53, 5353, "udp")))
    config = recipe.container_config(HOME, a_task(), definition)
    assert config["HostConfig"]["PortBindings"] == {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}],
        "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "5353"}],
    }
    assert config["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}


@pytest.mark.parametrize(("units", "quota"), [(256, 25_000), (1024, 100_000), (4096, 400_000), (2, 1_000)])
def test_cpu_units_are_a_share_of_the_period(units: int, quota: int) -> None:
    config = recipe.container_config(HOME, a_task(), a_container(cpu=units))["HostConfig"]
    assert (config["CpuPeriod"], config["CpuQuota"]) == (100_000, quota)


def test_what_a_definition_does_not_say_is_left_to_the_image() -> None:
    config = recipe.container_config(HOME, a_task(), a_container(command=None, memory=None))
    assert not {"Cmd", "Entrypoint", "User", "WorkingDir"} & config.keys()
    assert not {"Memory", "MemorySwap", "CpuQuota"} & config["HostConfig"].keys()


def test_a_health_check_is_given_in_nanoseconds() -> None:
    check = HealthCheck(("CMD", "true"), interval=30, timeout=5, retries=3, start_period=10)
    assert recipe.container_config(HOME, a_task(), a_container(health_check=check))["Healthcheck"] == {
        "Test": ["CMD", "true"],
        "Interval": 30_000_000_000,
        "Timeout": 5_000_000_000,
        "Retries": 3,
        "StartPeriod": 10_000_000_000,
    }


def test_a_definitions_environment_wins_over_ours() -> None:
    known = recipe.environment(a_task(), a_container(environment=(("CHAOS_ECS_CLUSTER", "mine"),)))
    assert known["CHAOS_ECS_CLUSTER"] == "mine"
    assert known["CHAOS_ECS_TASK_ID"] == TASK_ID


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T18:29:00.123456789Z", 1795458540.123456789),
        ("2026-11-23T18:29:00Z", 1795458540.0),
        ("2026-11-23T20:29:00.5+02:00", 1795458540.5),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
    ],
)
def test_dockers_times_are_seconds_since_the_epoch(text: str, expected: float | None) -> None:
    assert inspection.seconds(text) == expected


def an_inspection(status: str, **state: object) -> dict[str, object]:
    return {
        "Id": "abc",
        "Config": {"Labels": labels.container_labels(HOME, a_task(), a_container())},
        "State": {"Status": status, "StartedAt": "2026-11-23T18:29:00Z", "ExitCode": 0, **state},
        "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "49153"}], "81/tcp": None}},
    }


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("created", RunState.CREATED),
        ("running", RunState.RUNNING),
        ("paused", RunState.RUNNING),
        ("exited", RunState.EXITED),
        ("dead", RunState.EXITED),
        ("removing", RunState.EXITED),
    ],
)
def test_every_status_of_docker_is_one_of_three(status: str, expected: RunState) -> None:
    seen = inspection.container_seen(an_inspection(status))
    assert seen.state is expected
    assert (seen.exit_code is not None) == (expected is RunState.EXITED)


@pytest.mark.parametrize("status", ["created", "removing", "dead", "exited"])
def test_a_container_that_never_ran_has_not_ended(status: str) -> None:
    seen = inspection.container_seen(an_inspection(status, StartedAt="0001-01-01T00:00:00Z", ExitCode=127))
    assert (seen.state, seen.exit_code, seen.finished_at) == (RunState.CREATED, None, None)


def test_a_running_container_tells_its_health_and_where_it_is_published() -> None:
    seen = inspection.container_seen(an_inspection("running", Health={"Status": "unhealthy"}))
    assert seen.health_status is HealthStatus.UNHEALTHY
    assert seen.bindings == (PortBinding(80, 49153, "tcp", "127.0.0.1"),)


@pytest.mark.parametrize(
    ("state", "status", "expected"),
    [
        ("running", "Up 3 minutes (healthy)", False),
        ("running", "Up 3 minutes (unhealthy)", True),
        ("running", "Up 3 minutes", True),
        ("exited", "Exited (137) 2 seconds ago", True),
    ],
)
def test_a_listing_is_compared_by_state_and_health(state: str, status: str, expected: bool) -> None:
    known = inspection.container_seen(an_inspection("running", Health={"Status": "healthy"}))
    assert inspection.differs({"State": state, "Status": status}, known) is expected


def test_an_ended_container_is_not_looked_at_again_for_its_health() -> None:
    known = inspection.container_seen(an_inspection("exited"))
    known = replace(known, health_status=HealthStatus.UNHEALTHY)
    assert not inspection.differs({"State": "exited", "Status": "Exited (0) 1 hour ago"}, known)


def test_log_lines_of_two_streams_are_put_in_order() -> None:
    output = b"2026-11-23T18:29:01.5Z second\n2026-11-23T18:29:01.25Z first one\r\n2026-11-23T18:29:02Z \n"
    assert inspection.log_lines(output) == [
        (1795458541.25, "first one"),
        (1795458541.5, "second"),
        (1795458542.0, ""),
    ]


@pytest.mark.parametrize(("status", "address"), [("running", "172.20.0.2"), ("paused", "172.20.0.2"), ("exited", "")])
def test_the_address_is_that_in_the_clusters_network_while_it_runs(status: str, address: str) -> None:
    networks = {"bridge": {"IPAddress": "172.17.0.2"}, "chaos-ecs-net": {"IPAddress": "172.20.0.2"}}
    found = an_inspection(status) | {
        "HostConfig": {"NetworkMode": "chaos-ecs-net"},
        "NetworkSettings": {"Networks": networks},
    }
    assert inspection.container_seen(found).address == address
