"""What Docker is told of settings that no real engine need be asked about (`contract/test_docker_settings.py`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chaos_ecs.core.container_settings import ContainerSettings, Link, LinuxParameters, LogConfiguration, Secret
from chaos_ecs.core.local_files import LookedUp
from chaos_ecs.core.model import Mount
from chaos_ecs.core.task_definitions import sized
from chaos_ecs.live import labels, recipe
from tests.builders import a_container
from tests.unit.test_live_translation import HOME, a_task


def config_of(*, resolver: str | None = None, looked_up: LookedUp | None = None, **settings: Any) -> dict[str, Any]:
    definition = a_container(settings=ContainerSettings(**settings))
    return recipe.container_config(HOME, a_task(), definition, resolver, looked_up or LookedUp())


def test_dns_servers_that_were_said_are_asked_instead_of_the_clusters_own() -> None:
    assert config_of(resolver="192.0.2.9")["HostConfig"]["Dns"] == ["192.0.2.9"]
    assert config_of(resolver="192.0.2.9", dns_servers=("192.0.2.1",))["HostConfig"]["Dns"] == ["192.0.2.1"]


def test_nothing_is_told_of_settings_that_were_not_said() -> None:
    config = config_of()
    assert not {"OpenStdin", "Tty", "NetworkDisabled", "NetworkingConfig"} & config.keys()
    assert config["HostConfig"].keys() == {
        "NetworkMode",
        "PortBindings",
        "RestartPolicy",
        "LogConfig",
        "Memory",
        "MemorySwap",
    }


def test_a_container_without_network_has_no_links() -> None:
    task = a_task("app", "db")
    linked = ContainerSettings(links=(Link("db", "store"),))
    config = recipe.container_config(HOME, task, a_container(settings=linked))
    (network,) = config["NetworkingConfig"]["EndpointsConfig"].values()
    assert network == {"Links": [f"{labels.container_name(task, 'db')}:store"]}
    alone = replace(linked, network_disabled=True)
    assert "NetworkingConfig" not in recipe.container_config(HOME, task, a_container(settings=alone))


def test_security_options_are_written_as_docker_writes_them_today() -> None:
    options = ("no-new-privileges", "apparmor:PROFILE", "label:type:TYPE", "label=disable")
    told = config_of(security_options=options)["HostConfig"]["SecurityOpt"]
    assert told == ["no-new-privileges", "apparmor=PROFILE", "label=type:TYPE", "label=disable"]


def test_other_log_drivers_get_their_options_and_their_secrets() -> None:
    log = LogConfiguration("splunk", (("splunk-url", "https://x"),), (Secret("splunk-token", "token"),))
    looked_up = LookedUp(log_options={"splunk-token": "t0ken"})
    assert config_of(log=log, looked_up=looked_up)["HostConfig"]["LogConfig"] == {
        "Type": "splunk",
        "Config": {"splunk-url": "https://x", "splunk-token": "t0ken"},
    }


def test_swappiness_counts_only_together_with_swap() -> None:
    assert "MemorySwappiness" not in config_of(linux=LinuxParameters(swappiness=0))["HostConfig"]
    assert config_of(linux=LinuxParameters(max_swap=0, swappiness=0))["HostConfig"]["MemorySwappiness"] == 0


def test_a_volume_is_named_after_whom_it_belongs_to() -> None:
    mounts = (
        Mount("/own"),
        Mount("/task", task_volume="v"),
        Mount("/all", volume="v"),
        Mount("/host", host_path="/srv"),
    )
    config = recipe.container_config(HOME, a_task(), a_container(mounts=mounts))
    own, task, every, host = config["HostConfig"]["Mounts"]
    assert (own["Source"], host["Source"], host["Type"]) == ("", "/srv", "bind")
    assert task["Source"] == f"chaos-ecs-012345-{a_task().id}-v"
    assert task["VolumeOptions"]["Labels"][labels.TASK] == a_task().arn
    assert every["Source"] == "chaos-ecs-012345-v"
    assert labels.TASK not in every["VolumeOptions"]["Labels"]


def test_every_container_with_a_network_knows_where_it_is_told_about_itself() -> None:
    task = a_task("side", "app")
    known = recipe.environment(task, a_container())
    assert known["ECS_CONTAINER_METADATA_URI_V4"] == f"http://ecs-agent:51679/v4/{task.id}-1"
    assert "ECS_AGENT_URI" not in known
    assert "ECS_AGENT_URI" in recipe.environment(replace(task, fault_injection=True), a_container())
    alone = a_container(settings=ContainerSettings(network_disabled=True))
    assert "ECS_CONTAINER_METADATA_URI_V4" not in recipe.environment(task, alone)


def test_the_size_of_the_task_limits_what_its_container_does_not() -> None:
    assert sized(a_container(memory=None, cpu=0), 512, 256) == a_container(memory=256, cpu=512)
    assert sized(a_container(memory=128, cpu=64), 512, 256) == a_container(memory=128, cpu=64)
    assert sized(a_container(memory=512, cpu=1024), 512, 256) == a_container(memory=256, cpu=512)
    assert sized(a_container(), None, None) == a_container()
