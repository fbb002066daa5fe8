"""What is wrong with this machine, as a list of checks, each with its fix. Changes nothing.

Here live the checks and the advice for each system. Never here: carrying a fix out (`install.py`), and printing
(`cli/`). A check's `ok` is False where chaos-ecs cannot work, and None where it can, but something is worth saying.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import docker

from chaos_ecs.core.opening import DEMO_IMAGE
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine
from chaos_ecs.live.machine import Machine, ThisMachine
from chaos_ecs.live.own import TOOLBOX_IMAGE

BALANCER_IMAGE = "chaos-ecs/balancer:1"
_LOOK_TIMEOUT_SECONDS = 5.0  # doctor is quick or it is not used
_OLDEST_PYTHON = (3, 11)
_OLDEST_API = (1, 40)
_LITTLE_SPACE = 1_000_000_000
_NO_SPACE = 200_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. `fix` is what to type or click, empty where nothing is to be done."""

    name: str
    ok: bool | None
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class EngineSeen:
    """What one look at the engine told. Images in bytes, None for one that is not there."""

    description: str
    address: str
    api: str  # what both sides agreed on
    newest_api: str
    oldest_api: str
    os: str
    architecture: str
    storage_driver: str
    root_folder: str
    demo_image: int | None
    balancer_image: int | None
    toolbox_image: int | None


def look_at_engine() -> EngineSeen:
    """The engine that chaos-ecs would use. Raises ChaosEcsError (E-DOCKER-DOWN)."""
    client = engine.connect(timeout=_LOOK_TIMEOUT_SECONDS)
    try:
        address = engine.address_of(client)
        with engine.unreachable(address):
            version, info = client.version(), client.info()
            sizes = [_size(client, image) for image in (DEMO_IMAGE, BALANCER_IMAGE, TOOLBOX_IMAGE)]
        return EngineSeen(
            description=engine.describe(client),
            address=address,
            api=client.api_version,
            newest_api=version["ApiVersion"],
            oldest_api=version.get("MinAPIVersion", "unknown"),
            os=version["Os"],
            architecture=version["Arch"],
            storage_driver=info.get("Driver", ""),
            root_folder=info.get("DockerRootDir", ""),
            demo_image=sizes[0],
            balancer_image=sizes[1],
            toolbox_image=sizes[2],
        )
    finally:
        client.close()


def _size(client: docker.APIClient, image: str) -> int | None:
    try:
        return int(client.inspect_image(image)["Size"])
    except docker.errors.NotFound:
        return None


def examine(
    *,
    home: Path,
    port: int,
    own_port: int | None = None,
    machine: Machine | None = None,
    look: Callable[[], EngineSeen] = look_at_engine,
) -> list[Check]:
    """All checks, in the order in which to mend what fails. `home` is the state folder, `port` the controller's;
    `own_port` is where the controller of this state folder listens, None while none runs."""
    machine = ThisMachine() if machine is None else machine
    seen: EngineSeen | None = None
    try:
        seen = look()
    except ChaosEcsError as error:
        engine_checks = [Check("Docker engine", False, str(error), advice(machine, error))]
    else:
        engine_checks = _engine_checks(machine, seen)
    return [
        _python(machine),
        *engine_checks,
        _state_folder(machine, home),
        _disk(machine, home, seen),
        _port(machine, port, own_port),
        _aws(machine),
    ]


def _python(machine: Machine) -> Check:
    detail = ".".join(str(part) for part in machine.python)
    if machine.python[:2] < _OLDEST_PYTHON:
        return Check("Python", False, f"{detail} is too old", "Install Python 3.11 or newer")
    return Check("Python", True, detail)


def _engine_checks(machine: Machine, seen: EngineSeen) -> list[Check]:
    chosen = f", chosen by {machine.chosen_engine}" if machine.chosen_engine else ""
    checks = [
        Check("Docker engine", True, f"{seen.description} at {seen.address}{chosen}"),
        _api(seen),
        _engine_system(seen),
    ]
    if seen.storage_driver == "vfs":
        text = "vfs: every container is a full copy of its image; it works, slowly"
        checks.append(Check("Storage driver", None, text, "Give the engine a data folder on ext4 or xfs"))
    return [
        *checks,
        _image("Task image", DEMO_IMAGE, seen.demo_image),
        _image("Balancer image", BALANCER_IMAGE, seen.balancer_image),
        _toolbox(seen.toolbox_image),
    ]


def _api(seen: EngineSeen) -> Check:
    detail = f"{seen.api} (the engine speaks {seen.oldest_api} to {seen.newest_api})"
    if _number(seen.newest_api) < _OLDEST_API:
        oldest = ".".join(str(part) for part in _OLDEST_API)
        return Check("Docker API", False, f"{detail}; chaos-ecs needs {oldest}", "Update Docker")
    return Check("Docker API", True, detail)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _engine_system(seen: EngineSeen) -> Check:
    detail = f"{seen.os}/{seen.architecture}"
    if seen.os != "linux":
        fix = "Docker Desktop's menu: Switch to Linux containers"
        return Check("Engine's system", False, f"{detail} runs no Linux containers", fix)
    return Check("Engine's system", True, detail)


def _image(name: str, image: str, size: int | None) -> Check:
    """One that is missing is no trouble where there is a network when it is needed: in a workshop there may be none."""
    if size is None:
        return Check(name, None, f"{image} is not here; its first use builds it", "chaos-ecs images build")
    return Check(name, True, f"{image}, {size / 1e6:.1f} MB")


def _toolbox(size: int | None) -> Check:
    """Nobody builds it for a task that only asks about itself."""
    found = _image("Toolbox image", TOOLBOX_IMAGE, size)
    if size is not None:
        return found
    detail = f"{TOOLBOX_IMAGE} is not here; the first fault builds it, and the task metadata endpoint needs it"
    return replace(found, detail=detail, fix="chaos-ecs images build toolbox")


def _state_folder(machine: Machine, home: Path) -> Check:
    problem = machine.make_dir(home)
    if problem is not None:
        fix = "Set CHAOS_ECS_HOME to a folder you may write to"
        return Check("State folder", False, f"{home}: {problem}", fix)
    return Check("State folder", True, str(home))


def _disk(machine: Machine, home: Path, seen: EngineSeen | None) -> Check:
    """Where the engine keeps its data if that is on this machine; a virtual machine's disk cannot be asked."""
    there = seen is not None and bool(seen.root_folder) and machine.is_dir(seen.root_folder)
    folder = Path(seen.root_folder) if seen is not None and there else home
    free = machine.free_bytes(folder)
    detail = f"{free / 1e9:.1f} GB free at {folder}"
    if free >= _LITTLE_SPACE:
        return Check("Disk", True, detail)
    return Check("Disk", None if free >= _NO_SPACE else False, detail, "Free some space: docker system df tells where")


def _port(machine: Machine, port: int, own_port: int | None) -> Check:
    if own_port is not None and own_port != port:
        return Check("Port", True, f"our controller listens on {own_port}; {port} was taken when it started")
    holder = machine.port_holder(port)
    if holder is None:
        return Check("Port", True, f"{port} is free for the controller")
    if holder and own_port is None:
        told = f"{port} is held by chaos-ecs {holder} of another state folder; ours takes the next free port"
        return Check("Port", None, told)
    if holder:
        return Check("Port", True, f"{port} is our controller's, chaos-ecs {holder}")
    return Check("Port", None, f"{port} is held by another program; the controller takes the next free port")


def _aws(machine: Machine) -> Check:
    found = machine.which("aws")
    if found is None:
        return Check("aws CLI", None, "not here; only `aws ecs ...` needs it", "pip install awscli")
    return Check("aws CLI", True, found)


def advice(machine: Machine, error: ChaosEcsError) -> str:
    """What to click or type on this system so that an engine answers."""
    if machine.system == "Linux" and "permission denied" in error.why.lower():
        return f"sudo usermod -aG docker {machine.user or '$USER'}; then log out and in again, or: newgrp docker"
    if machine.chosen_engine:
        return f"Start the engine of {machine.chosen_engine}, or: unset DOCKER_HOST; docker context use default"
    if machine.system == "Darwin":
        return _mac(machine)
    if machine.system == "Windows":
        if machine.which("docker") is not None:
            return "Start Docker Desktop from the Start menu and wait until it says: Engine running"
        return "winget install Docker.DockerDesktop; then start Docker Desktop"
    return _linux(machine)


def _mac(machine: Machine) -> str:
    if machine.is_dir("/Applications/Docker.app"):
        return "Start Docker Desktop: open -a Docker"
    if machine.is_dir("/Applications/Rancher Desktop.app"):
        return 'Start Rancher Desktop: open -a "Rancher Desktop"'
    if machine.which("colima") is not None:
        return "colima start"
    return "Install Docker Desktop, or: brew install colima docker && colima start"


def _linux(machine: Machine) -> str:
    if can_install(machine):
        return "chaos-ecs doctor --fix"
    if machine.which("dockerd") is None:
        return f"Install Docker Engine: {_PACKAGES.get(machine.os_release.get('ID', ''), 'see your distribution')}"
    return "sudo systemctl start docker" if has_systemd(machine) else "sudo dockerd (it keeps its terminal)"


_PACKAGES = {
    "fedora": "sudo dnf install moby-engine && sudo systemctl start docker",
    "arch": "sudo pacman -S docker && sudo systemctl start docker",
    "alpine": "sudo apk add docker && sudo service docker start",
    "opensuse-tumbleweed": "sudo zypper install docker && sudo systemctl start docker",
}


def can_install(machine: Machine) -> bool:
    """Whether this is Debian, Ubuntu, or a system made from one of them, and still with apt-get."""
    family = [machine.os_release.get("ID", ""), *machine.os_release.get("ID_LIKE", "").split()]
    is_debian = "debian" in family or "ubuntu" in family
    return machine.system == "Linux" and is_debian and machine.which("apt-get") is not None


def has_systemd(machine: Machine) -> bool:
    """Whether systemd runs this machine (sd_booted(3)); that `systemctl` is installed says nothing."""
    return machine.is_dir("/run/systemd/system")
