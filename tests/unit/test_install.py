"""`doctor --fix` on machines made up for the purpose: what it runs, what it removes, when it gives up and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live.doctor import EngineSeen
from chaos_ecs.live.install import fix
from chaos_ecs.live.machine import Ran
from tests.unit.fake_machine import FakeMachine
from tests.unit.test_doctor import ENGINE, down

HOME = Path("/home/ada/.local/share/chaos-ecs")
LOG = str(HOME / "dockerd.log")
DOCKER_PID = "/var/run/docker.pid"
CONTAINERD_PID = "/run/docker/containerd/containerd.pid"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
BUSY = 4711


@dataclass
class Scene:
    """A machine, the engine on it once something started one, and what was said."""

    machine: FakeMachine
    answers: bool = False
    why: str = "no such file or directory"
    engine: EngineSeen = ENGINE
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    consents: bool = True

    def look(self) -> EngineSeen:
        if not self.answers:
            raise down(self.why)
        return self.engine

    def fix(self) -> EngineSeen:
        return fix(self.said.append, self._ask, home=HOME, machine=self.machine, look=self.look)

    def _ask(self, question: str) -> bool:
        self.asked.append(question)
        return self.consents

    def starts_well(self, _argv: Sequence[str] = (), _log: Path | None = None) -> Ran:
        self.machine.files[DOCKER_PID] = str(BUSY)
        self.machine.processes[BUSY] = "dockerd"
        self.answers = True
        return Ran(0)

    def dies_saying(self, words: str) -> Callable[[Sequence[str], Path | None], Ran]:
        def act(_argv: Sequence[str], _log: Path | None) -> Ran:
            self.machine.files[LOG] = self.machine.files.get(LOG, "") + f'time="..." msg="x"\n{words}\n'
            return Ran(0)

        return act


def a_debian_with_docker(**more: object) -> Scene:
    scene = Scene(FakeMachine(programs=["apt-get", "dockerd", "setsid"], **more))  # type: ignore[arg-type]
    scene.machine.acts["setsid --fork dockerd"] = scene.starts_well
    return scene


def test_an_engine_that_answers_is_used_and_nothing_is_run() -> None:
    scene = Scene(FakeMachine(), answers=True)
    assert scene.fix() is ENGINE
    assert (scene.machine.commands, scene.asked) == ([], [])


def test_without_dockerd_the_package_is_installed_and_started_in_a_session_of_its_own() -> None:
    scene = Scene(FakeMachine())

    def install(_argv: Sequence[str], _log: Path | None) -> Ran:
        scene.machine.programs.append("dockerd")
        return Ran(0)

    apt = "env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120"
    install_line = f"{apt} install -y --no-install-recommends docker.io iptables ca-certificates"
    scene.machine.acts |= {install_line: install, "setsid": scene.starts_well}
    scene.fix()
    assert scene.machine.commands == [f"{apt} update", install_line, "setsid --fork dockerd"]
    assert scene.asked == ["Install the package docker.io with apt-get (about 250 MB) and start it?"]


def test_what_the_machine_cannot_do_without_is_installed_too() -> None:
    scene = Scene(FakeMachine(folders=[], files={"/sys/module/apparmor/parameters/enabled": "Y\n"}))
    with pytest.raises(ChaosEcsError):
        scene.fix()
    assert scene.machine.commands[-1].endswith("docker.io iptables ca-certificates apparmor cgroupfs-mount")


def test_a_package_that_cannot_be_installed_says_why() -> None:
    scene = Scene(FakeMachine())
    scene.machine.acts["env"] = lambda _argv, _log: Ran(100, err="E: Unable to locate package docker.io\n")
    with pytest.raises(ChaosEcsError, match="Unable to locate package docker.io") as caught:
        scene.fix()
    assert (caught.value.code, caught.value.exit_code) == ("E-DOCKER-DOWN", 4)


def test_a_package_script_that_already_started_the_engine_is_enough() -> None:
    scene = Scene(FakeMachine())

    def install(_argv: Sequence[str], _log: Path | None) -> Ran:
        scene.machine.programs.append("dockerd")
        return scene.starts_well()

    scene.machine.acts["env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 install"] = install
    scene.fix()
    assert not any("setsid" in command for command in scene.machine.commands)


def test_nothing_changes_when_the_answer_is_no() -> None:
    for scene in (Scene(FakeMachine(), consents=False), a_debian_with_docker()):
        scene.consents = False
        with pytest.raises(ChaosEcsError) as caught:
            scene.fix()
        assert (caught.value.code, caught.value.exit_code) == ("E-REFUSED", 5)
        assert scene.machine.commands == []


def test_systemd_starts_the_engine_where_it_runs_the_machine() -> None:
    scene = a_debian_with_docker(folders=["/run/systemd/system", "/sys/fs/cgroup/memory"])
    scene.machine.acts["systemctl start docker"] = scene.starts_well
    scene.fix()
    assert scene.machine.commands == ["systemctl start docker"]


def test_a_systemd_that_cannot_start_it_points_at_the_journal() -> None:
    scene = a_debian_with_docker(folders=["/run/systemd/system", "/sys/fs/cgroup/memory"])
    scene.machine.acts["systemctl"] = lambda _argv, _log: Ran(1, err="Job for docker.service failed.\n")
    with pytest.raises(ChaosEcsError, match="Job for docker.service failed") as caught:
        scene.fix()
    assert "journalctl -u docker" in caught.value.hint


@pytest.mark.parametrize(
    ("processes", "what"),
    [({}, "nobody's"), ({BUSY: "postgres"}, "an unrelated process's")],
)
def test_pid_files_left_by_the_killed_are_removed(processes: dict[int, str], what: str) -> None:
    scene = a_debian_with_docker(files={DOCKER_PID: str(BUSY), CONTAINERD_PID: str(BUSY)}, processes=processes)
    scene.fix()
    assert scene.machine.commands == [f"rm -f {DOCKER_PID}", f"rm -f {CONTAINERD_PID}", "setsid --fork dockerd"], what


def test_the_pid_file_of_a_live_containerd_stays() -> None:
    scene = a_debian_with_docker(files={CONTAINERD_PID: "12"}, processes={12: "containerd"})
    scene.fix()
    assert scene.machine.commands == ["setsid --fork dockerd"]


def test_a_socket_that_nobody_listens_on_is_removed() -> None:
    scene = a_debian_with_docker(dead_sockets=[CONTAINERD_SOCKET])
    scene.fix()
    assert scene.machine.commands == [f"rm -f {CONTAINERD_SOCKET}", "setsid --fork dockerd"]


def test_a_dockerd_that_is_starting_is_waited_for_and_neither_started_again_nor_robbed_of_its_files() -> None:
    scene = a_debian_with_docker(files={DOCKER_PID: str(BUSY)}, processes={BUSY: "dockerd"})
    looks: list[int] = []

    def look() -> EngineSeen:
        looks.append(1)
        if len(looks) < 40:
            raise down()
        return ENGINE

    fix(scene.said.append, lambda _: True, home=HOME, machine=scene.machine, look=look)
    assert scene.machine.commands == []
    assert any(line.startswith("waiting for dockerd to answer, 5 s") for line in scene.said)


def test_a_dockerd_that_never_answers_is_given_a_minute() -> None:
    scene = a_debian_with_docker(files={DOCKER_PID: str(BUSY)}, processes={BUSY: "dockerd"})
    with pytest.raises(ChaosEcsError, match="did not answer within 60 s"):
        scene.fix()


def test_a_storage_driver_that_cannot_work_is_told_and_replaced_by_vfs() -> None:
    scene = a_debian_with_docker()
    words = "failed to start daemon: error initializing graphdriver: driver not supported"
    scene.machine.acts = {
        "setsid --fork dockerd --storage-driver=vfs": scene.starts_well,
        "setsid --fork dockerd": scene.dies_saying(words),
    }
    scene.fix()
    assert f"dockerd: {words}" in scene.said
    assert any("vfs" in line for line in scene.said)


def test_a_containerd_that_died_while_we_looked_costs_one_more_try() -> None:
    scene = a_debian_with_docker()
    tries: list[int] = []

    def act(argv: Sequence[str], log: Path | None) -> Ran:
        tries.append(1)
        words = "failed to start daemon: failed to start containerd: timeout waiting for containerd to start"
        return scene.dies_saying(words)(argv, log) if len(tries) == 1 else scene.starts_well()

    scene.machine.acts = {"setsid": act}
    scene.fix()
    assert len(tries) == 2


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("failed to start daemon: iptables failed: can't initialize iptables table `nat'", "iptables-legacy"),
        ("failed to start daemon: iptables: Permission denied (you must be root)", "--privileged"),
        ("failed to start daemon: Devices cgroup isn't mounted", "cgroupfs-mount"),
        ("something nobody has seen before", LOG),
    ],
)
def test_dockerds_last_words_become_the_reason_and_the_next_command(words: str, hint: str) -> None:
    scene = a_debian_with_docker(files={LOG: "an older, different failure\n"})
    scene.machine.acts = {"setsid": scene.dies_saying(words)}
    with pytest.raises(ChaosEcsError) as caught:
        scene.fix()
    assert caught.value.why == words
    assert hint in caught.value.hint


def test_a_silent_death_is_not_explained_by_an_older_one_in_the_log() -> None:
    scene = a_debian_with_docker(files={LOG: "failed to start daemon: an older failure\n"})
    scene.machine.acts = {}
    with pytest.raises(ChaosEcsError, match="it ended without a word"):
        scene.fix()


def test_without_root_sudo_is_used_and_the_socket_goes_to_the_users_own_group() -> None:
    scene = a_debian_with_docker(is_root=False)
    scene.machine.programs.append("sudo")
    scene.machine.acts = {
        "id -gn": lambda _argv, _log: Ran(0, "ada\n"),
        "sudo -n setsid --fork dockerd --group ada": scene.starts_well,
    }
    scene.fix()
    assert scene.machine.commands[-1] == "sudo -n setsid --fork dockerd --group ada"


def test_a_group_that_others_share_does_not_get_the_socket() -> None:
    scene = a_debian_with_docker(is_root=False)
    scene.machine.programs.append("sudo")
    scene.machine.acts = {
        "id -gn": lambda _argv, _log: Ran(0, "users\n"),
        "sudo -n setsid --fork dockerd": scene.starts_well,
    }
    scene.fix()
    assert scene.machine.commands[-1] == "sudo -n setsid --fork dockerd"


def test_with_neither_root_nor_sudo_it_says_so_and_runs_nothing() -> None:
    scene = a_debian_with_docker(is_root=False)
    with pytest.raises(ChaosEcsError, match="only root"):
        scene.fix()
    assert scene.machine.commands == []


@pytest.mark.parametrize(
    "machine",
    [
        FakeMachine(system="Darwin", programs=["colima"]),
        FakeMachine(system="Windows", programs=[]),
        FakeMachine(os_release={"ID": "fedora"}, programs=["dockerd"]),
        FakeMachine(chosen_engine="context colima"),
    ],
)
def test_where_it_is_not_ours_to_mend_it_says_what_to_do_and_runs_nothing(machine: FakeMachine) -> None:
    scene = Scene(machine)
    with pytest.raises(ChaosEcsError) as caught:
        scene.fix()
    assert caught.value.hint
    assert caught.value.hint != "chaos-ecs doctor --fix"
    assert machine.commands == []


def test_an_engine_that_we_may_not_use_is_not_replaced_by_another() -> None:
    scene = a_debian_with_docker()
    scene.why = "permission denied"
    with pytest.raises(ChaosEcsError) as caught:
        scene.fix()
    assert "usermod -aG docker" in caught.value.hint
    assert scene.machine.commands == []
