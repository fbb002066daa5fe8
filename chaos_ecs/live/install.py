"""Sees to a Docker engine: uses the one that answers, else installs and starts one on Debian or Ubuntu.

Here lives everything that changes the machine, asked for by `chaos-ecs doctor --fix` alone. Never here: what is
wrong (`doctor.py`). No process is ever ended from here, and no file of a live engine is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import doctor
from chaos_ecs.live.doctor import EngineSeen
from chaos_ecs.live.machine import Machine, ThisMachine

_PID_FILES = (("/var/run/docker.pid", "dockerd"), ("/run/docker/containerd/containerd.pid", "containerd"))
_CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
_CGROUP2 = "/sys/fs/cgroup/cgroup.controllers"
_START_SECONDS = 60.0
_STILLBORN_SECONDS = 5.0  # a dockerd writes its pid file in its first half second
_TELL_EVERY_SECONDS = 5.0

# What dockerd's last words mean, first match wins.
_KNOWN_CAUSES = (
    (
        ("permission denied", "operation not permitted"),
        "This machine may not run an engine: start it with --privileged, or mount the host's /var/run/docker.sock",
    ),
    (("iptables",), "sudo update-alternatives --set iptables /usr/sbin/iptables-legacy; then: chaos-ecs doctor --fix"),
    (("cgroup",), "sudo apt-get install -y cgroupfs-mount; sudo cgroupfs-mount; then: chaos-ecs doctor --fix"),
    (("no space left",), "Free some disk space; then: chaos-ecs doctor --fix"),
)


def fix(
    report: Callable[[str], None],
    ask: Callable[[str], bool],
    *,
    home: Path,
    machine: Machine | None = None,
    look: Callable[[], EngineSeen] = doctor.look_at_engine,
) -> EngineSeen:
    """Answers the engine that answers now. `report` is told each step, `ask` says yes or no to each change.

    Raises ChaosEcsError: E-DOCKER-DOWN with what to do on this system, E-REFUSED when `ask` said no.
    """
    return _Installer(report, ask, home, ThisMachine() if machine is None else machine, look).fix()


@dataclass(frozen=True, slots=True)
class _Failed:
    """A dockerd that ended instead of answering, with its last words."""

    words: str


@dataclass(frozen=True, slots=True)
class _Installer:
    report: Callable[[str], None]
    ask: Callable[[str], bool]
    home: Path
    machine: Machine
    look: Callable[[], EngineSeen]

    @property
    def log(self) -> Path:
        return self.home / "dockerd.log"

    def fix(self) -> EngineSeen:
        try:
            seen = self.look()
        except ChaosEcsError as error:
            self.report(f"no Docker engine answers: {error}")
            self._must_be_ours_to_mend(error)
            seen = self._bring_up()
        self.report(f"using {seen.description}")
        if seen.storage_driver == "vfs":
            self.report("its storage driver is vfs: it works, but every container is a full copy of its image")
        return seen

    def _must_be_ours_to_mend(self, error: ChaosEcsError) -> None:
        denied = "permission denied" in error.why.lower()  # an engine is there, and will not be mended by another
        if denied or self.machine.chosen_engine or not doctor.can_install(self.machine):
            raise ChaosEcsError(error.code, error.what, error.why, doctor.advice(self.machine, error), error.exit_code)

    def _bring_up(self) -> EngineSeen:
        root = self._as_root()
        if self.machine.which("dockerd") is None:
            self._install(root)
        elif not self.ask("Start dockerd in the background?"):
            raise _refused("dockerd was not started")
        if doctor.has_systemd(self.machine):
            return self._start_with_systemd(root)
        return self._start(root)

    def _as_root(self) -> list[str]:
        """What to put before a command that only root may run."""
        if self.machine.is_root:
            return []
        if self.machine.which("sudo") is not None:
            if self.machine.run(["sudo", "-n", "true"], timeout=10).code == 0:
                return ["sudo", "-n"]
            if self.machine.is_interactive:
                return ["sudo"]
        raise _down(
            "only root can install and start one, and sudo does not let us", "Run as root: chaos-ecs doctor --fix"
        )

    def _install(self, root: Sequence[str]) -> None:
        if not self.ask("Install the package docker.io with apt-get (about 250 MB) and start it?"):
            raise _refused("docker.io was not installed")
        apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
        self.report("fetching the package lists: apt-get update")
        updated = self.machine.run([*apt, "update"], timeout=300)
        if updated.code != 0:  # one broken source need not matter
            self.report(f"apt-get update: {updated.last_words}; going on with the lists that are here")
        packages = self._packages()
        self.report(f"installing {' '.join(packages)}: apt-get install, about a minute")
        installed = self.machine.run([*apt, "install", "-y", "--no-install-recommends", *packages], timeout=900)
        if self.machine.which("dockerd") is None:
            raise _down(f"apt-get install: {installed.last_words}", "sudo apt-get install docker.io")
        if installed.code != 0:  # its last step starts the engine, which fails where no init system runs
            self.report(f"apt-get install: {installed.last_words}; dockerd is here, going on")

    def _packages(self) -> list[str]:
        """docker.io, and of what it only recommends the parts that this machine cannot do without."""
        packages = ["docker.io", "iptables", "ca-certificates"]
        if (self.machine.read("/sys/module/apparmor/parameters/enabled") or "N").startswith("Y"):
            packages.append("apparmor")
        if not self.machine.is_dir("/sys/fs/cgroup/memory") and self.machine.read(_CGROUP2) is None:
            packages.append("cgroupfs-mount")
        return packages

    def _start_with_systemd(self, root: Sequence[str]) -> EngineSeen:
        self.report("starting it: systemctl start docker")
        started = self.machine.run([*root, "systemctl", "start", "docker"], timeout=120)
        if started.code != 0:
            hint = "sudo journalctl -u docker -n 20 tells why"
            raise _down(f"systemctl start docker: {started.last_words}", hint)
        found = self._wait(lambda: True, 0)
        if isinstance(found, _Failed):
            raise _down(found.words, "sudo journalctl -u docker -n 20 tells why")
        return found

    def _start(self, root: Sequence[str]) -> EngineSeen:
        """Starts dockerd, and once more for each thing that can be mended in between."""
        options = self._options(root)
        tried_vfs = False
        last_words = ""
        for _ in range(3):
            found = self._start_once(root, options)
            if isinstance(found, EngineSeen):
                return found
            last_words = found.words
            words = last_words.lower()
            if ("graphdriver" in words or "storage driver" in words or "overlay" in words) and not tried_vfs:
                self.report(f"dockerd: {found.words}")
                self.report("no better storage driver works here; trying vfs, slower and larger")
                options, tried_vfs = [*options, "--storage-driver=vfs"], True
            elif "pid file" in words or "containerd" in words:  # its containerd died while we looked
                self.report(f"dockerd: {found.words}; trying again")
            else:
                break
        raise self._explained(last_words)

    def _options(self, root: Sequence[str]) -> list[str]:
        """For who is not root: their own group owns the socket, if nobody else is in it. It needs no new login."""
        if not root:
            return []
        group = self.machine.run(["id", "-gn"], timeout=10).out.strip()
        return ["--group", group] if group and group == self.machine.user else []

    def _start_once(self, root: Sequence[str], options: Sequence[str]) -> EngineSeen | _Failed:
        problem = self.machine.make_dir(self.home)
        if problem is not None:
            raise _down(f"{self.home}: {problem}", "Set CHAOS_ECS_HOME to a folder you may write to")
        before = len(self.machine.read(str(self.log)) or "")
        if self._is_live(*_PID_FILES[0]):
            self.report("a dockerd is there already and does not answer yet")
        else:
            self._clear_leftovers(root)
            self.report(f"starting dockerd in the background, its log is {self.log}")
            # A session of its own: neither Ctrl-C nor a closed terminal reaches it.
            started = self.machine.run([*root, "setsid", "--fork", "dockerd", *options], log=self.log, timeout=60)
            if started.code != 0:
                return _Failed(started.err or self._last_words(before))
        return self._wait(lambda: self._is_live(*_PID_FILES[0]), before)

    def _is_live(self, pid_file: str, name: str) -> bool:
        text = (self.machine.read(pid_file) or "").strip()
        return text.isdigit() and self.machine.process_name(int(text)) == name

    def _clear_leftovers(self, root: Sequence[str]) -> None:
        """What a killed dockerd or containerd leaves and the next one refuses to start beside.

        They look only whether the number in the pid file is taken, by a defunct process or by anybody's.
        """
        for path, name in _PID_FILES:
            text = self.machine.read(path)
            if text is not None and not self._is_live(path, name):
                self.report(f"removing {path}: {name} {text.strip()} was killed and left it")
                self.machine.run([*root, "rm", "-f", path], timeout=10)
        if self.machine.socket_is_dead(_CONTAINERD_SOCKET):
            self.report(f"removing {_CONTAINERD_SOCKET}: nobody listens there any more")
            self.machine.run([*root, "rm", "-f", _CONTAINERD_SOCKET], timeout=10)

    def _wait(self, is_live: Callable[[], bool], log_from: int) -> EngineSeen | _Failed:
        """Until the engine answers, dockerd is gone, or a minute has passed; tells that it waits."""
        began = told = self.machine.now()
        while True:
            try:
                return self.look()
            except ChaosEcsError as error:
                last = error
            now = self.machine.now()
            if "permission denied" in last.why.lower():
                hint = doctor.advice(self.machine, last)
                raise ChaosEcsError(last.code, last.what, last.why, hint, last.exit_code) from last
            if now - began > _STILLBORN_SECONDS and not is_live():
                return _Failed(self._last_words(log_from))
            if now - began > _START_SECONDS:
                return _Failed(f"it did not answer within {_START_SECONDS:.0f} s ({last.why})")
            if now - told >= _TELL_EVERY_SECONDS:
                told = now
                self.report(f"waiting for dockerd to answer, {now - began:.0f} s of at most {_START_SECONDS:.0f}")
            self.machine.sleep(0.2)

    def _last_words(self, log_from: int) -> str:
        said = (self.machine.read(str(self.log)) or "")[log_from:]
        lines = [line for line in said.splitlines() if line.strip()]
        # Its own last words are plain; what its parts log around them starts with a time.
        plain = [line for line in lines if not line.startswith("time=")]
        return (plain or lines or ["it ended without a word"])[-1]

    def _explained(self, words: str) -> ChaosEcsError:
        for patterns, hint in _KNOWN_CAUSES:
            if any(pattern in words.lower() for pattern in patterns):
                return _down(words, hint)
        return _down(words, f"Read {self.log}; or watch it start: sudo dockerd")


def _down(why: str, hint: str) -> ChaosEcsError:
    return ChaosEcsError("E-DOCKER-DOWN", "No Docker engine could be started", why, hint, exit_code=4)


def _refused(why: str) -> ChaosEcsError:
    hint = "Say yes, or see to an engine yourself and run: chaos-ecs doctor"
    return ChaosEcsError("E-REFUSED", "No Docker engine answers", why, hint, exit_code=5)
