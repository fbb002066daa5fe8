"""The doctor's checks and its advice, on machines made up for the purpose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live.doctor import Check, EngineSeen, advice, examine
from tests.unit.fake_machine import FakeMachine

HOME = Path("/home/ada/.local/share/chaos-ecs")
ENGINE = EngineSeen(
    description="Docker Engine 29.1 arm64",
    address="unix:///var/run/docker.sock",
    api="1.44",
    newest_api="1.52",
    oldest_api="1.44",
    os="linux",
    architecture="arm64",
    storage_driver="overlay2",
    root_folder="/var/lib/docker",
    demo_image=1_990_000,
    balancer_image=83_100_000,
    toolbox_image=140_000_000,
)


def down(why: str = "no such file or directory") -> ChaosEcsError:
    address = "Cannot reach Docker at unix:///var/run/docker.sock"
    return ChaosEcsError("E-DOCKER-DOWN", address, why, "chaos-ecs doctor --fix", 4)


def checks(
    machine: FakeMachine | None = None, seen: EngineSeen | ChaosEcsError = ENGINE, own_port: int | None = None
) -> dict[str, Check]:
    def look() -> EngineSeen:
        if isinstance(seen, ChaosEcsError):
            raise seen
        return seen

    machine = machine or FakeMachine(programs=["aws"])
    found = examine(home=HOME, port=8481, own_port=own_port, machine=machine, look=look)
    return {check.name: check for check in found}


def test_a_healthy_machine_passes_every_check_and_needs_no_fix() -> None:
    found = checks()
    assert [name for name, check in found.items() if check.ok is not True or check.fix] == []
    assert found["Docker engine"].detail == "Docker Engine 29.1 arm64 at unix:///var/run/docker.sock"


def test_no_engine_fails_with_the_command_that_mends_it_and_leaves_out_what_needs_one() -> None:
    found = checks(FakeMachine(), down())
    assert found["Docker engine"] == Check("Docker engine", False, str(down()), "chaos-ecs doctor --fix")
    assert "Task image" not in found
    assert found["State folder"].ok


def test_an_engine_that_was_chosen_says_by_what() -> None:
    found = checks(FakeMachine(chosen_engine="context colima"))
    assert found["Docker engine"].detail.endswith("chosen by context colima")


def test_an_old_engine_is_told_to_update() -> None:
    found = checks(seen=replace(ENGINE, api="1.39", newest_api="1.39", oldest_api="1.12"))
    assert found["Docker API"].ok is False
    assert found["Docker API"].fix == "Update Docker"


def test_windows_containers_are_no_use() -> None:
    assert checks(seen=replace(ENGINE, os="windows"))["Engine's system"].ok is False


def test_a_missing_task_image_is_no_fault_since_its_first_use_builds_it() -> None:
    image = checks(seen=replace(ENGINE, demo_image=None))["Task image"]
    assert (image.ok, image.fix) == (None, "chaos-ecs images build")


def test_a_missing_toolbox_is_no_fault_but_tasks_cannot_ask_about_themselves() -> None:
    image = checks(seen=replace(ENGINE, toolbox_image=None))["Toolbox image"]
    assert (image.ok, image.fix) == (None, "chaos-ecs images build toolbox")
    assert "metadata endpoint" in image.detail


def test_a_vfs_engine_works_and_is_told_of() -> None:
    assert checks(seen=replace(ENGINE, storage_driver="vfs"))["Storage driver"].ok is None


def test_a_state_folder_that_cannot_be_written_fails_with_the_setting_that_moves_it() -> None:
    folder = checks(FakeMachine(unwritable={HOME: "Permission denied"}))["State folder"]
    assert folder.ok is False
    assert "CHAOS_ECS_HOME" in folder.fix


@pytest.mark.parametrize(("free", "ok"), [(5_000_000_000, True), (500_000_000, None), (100_000_000, False)])
def test_little_disk_space_is_told_of_and_none_fails(free: int, ok: bool | None) -> None:
    assert checks(FakeMachine(free=free))["Disk"].ok is ok


def test_disk_space_is_the_engines_where_its_folder_is_on_this_machine() -> None:
    here = FakeMachine(folders=["/var/lib/docker"])
    assert checks(here)["Disk"].detail.endswith("/var/lib/docker")
    assert checks(FakeMachine())["Disk"].detail.endswith(str(HOME))


def test_a_port_held_by_our_controller_is_fine_and_by_a_stranger_is_worth_a_word() -> None:
    ours = checks(FakeMachine(ports={8481: "0.1.0"}), own_port=8481)["Port"]
    assert ours.detail == "8481 is our controller's, chaos-ecs 0.1.0"
    assert checks(FakeMachine(ports={8481: ""}))["Port"].ok is None


def test_the_controller_of_another_state_folder_is_not_taken_for_ours() -> None:
    theirs = checks(FakeMachine(ports={8481: "0.1.0"}))["Port"]
    assert (theirs.ok, "of another state folder" in theirs.detail) == (None, True)
    moved = checks(FakeMachine(ports={8481: "0.1.0"}), own_port=8490)["Port"]
    assert moved.detail == "our controller listens on 8490; 8481 was taken when it started"


def test_the_aws_cli_is_optional() -> None:
    assert checks(FakeMachine())["aws CLI"].ok is None


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (FakeMachine(), "chaos-ecs doctor --fix"),
        (FakeMachine(os_release={"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}), "chaos-ecs doctor --fix"),
        (FakeMachine(os_release={"ID": "fedora"}), "Install Docker Engine: sudo dnf install moby-engine"),
        (FakeMachine(os_release={"ID": "fedora"}, programs=["dockerd"]), "sudo dockerd"),
        (
            FakeMachine(os_release={"ID": "arch"}, programs=["dockerd"], folders=["/run/systemd/system"]),
            "sudo systemctl start docker",
        ),
        (FakeMachine(system="Darwin", folders=["/Applications/Docker.app"]), "Start Docker Desktop: open -a Docker"),
        (FakeMachine(system="Darwin", programs=["colima"]), "colima start"),
        (FakeMachine(system="Darwin", programs=[]), "Install Docker Desktop"),
        (FakeMachine(system="Windows", programs=["docker"]), "Start Docker Desktop from the Start menu"),
        (FakeMachine(system="Windows", programs=[]), "winget install Docker.DockerDesktop"),
        (FakeMachine(chosen_engine="tcp://10.0.0.1:2375"), "Start the engine of tcp://10.0.0.1:2375"),
    ],
)
def test_the_advice_is_for_this_system(machine: FakeMachine, expected: str) -> None:
    assert advice(machine, down()).startswith(expected)


def test_a_socket_that_we_may_not_use_is_a_matter_of_the_docker_group() -> None:
    assert advice(FakeMachine(), down("permission denied")).startswith("sudo usermod -aG docker ada")
