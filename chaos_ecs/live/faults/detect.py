"""What the engine and its kernel can do, tried out on scratch containers of our own, never on a victim.

The names are the values of `chaos/fault.py`'s Ability, which nothing here may know. A scratch container is removed as
soon as all is known; when we are cut off it ends by itself, and the engine removes it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from docker import APIClient
from docker.errors import APIError

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine, labels
from chaos_ecs.live.faults import helpers
from chaos_ecs.live.faults import victim as victims
from chaos_ecs.live.faults.outcomes import RefusedError, VictimGoneError
from chaos_ecs.live.faults.settings import NO_LIMIT, update
from chaos_ecs.live.faults.victim import Victim
from chaos_ecs.live.labels import Home
from chaos_ecs.live.starts import ImagesPort

VICTIM_IMAGE = "chaos-ecs/demo:1"
ENGINE = ("freezer", "quota", "pids")
KERNEL = ("statistic", "reject", "redirect", "netem", "tbf")
HELPERS = ("helper", *KERNEL, "cgroup", "files")
NAMES = (*ENGINE, *HELPERS)

_LIFETIME = ["sleep", "60"]
_TRY_SECONDS = 20.0
_TRIES = 2
_DETECT = "python3 /chaos/detect.py 2>/dev/null"
_READS_FILES = "test -r /proc/1/root/chaos/entry.sh"
_FORKS = "true & wait"

# Whether the helper's cgroup is below that of the victim, whose main process is 1 here. In a cgroup namespace of its
# own the helper is in / and the victim in /.. (cgroup v2).
_IS_BELOW = """
victim=$(sed -n '1s/^[0-9]*:[^:]*://p' /proc/1/cgroup); own=$(sed -n '1s/^[0-9]*:[^:]*://p' /proc/self/cgroup)
case "$own" in "$victim"/?*) exit 0;; /) [ "$victim" = /.. ] && exit 0;; esac
echo "it is in $own, its victim in $victim"; exit 1
"""

_Trial = tuple[tuple[str, ...], Mapping[str, Any], Callable[[APIClient, str], dict[str, str]]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """Why each ability is missing, an empty string where it is there. Not `tried` when that is only because nothing to
    try it on was to be had, such as an image without a network: which may be otherwise soon."""

    abilities: Mapping[str, str]
    tried: bool = True


def abilities(client: APIClient, home: Home, images: ImagesPort) -> Found:
    """Raises E-DOCKER-DOWN."""
    with engine.unreachable(engine.address_of(client)):
        for _ in range(_TRIES):
            with contextlib.suppress(VictimGoneError):
                return _abilities(client, home, images)
    return Found(dict.fromkeys(NAMES, "somebody removes the containers that it is tried on"), tried=False)


def _abilities(client: APIClient, home: Home, images: ImagesPort) -> Found:
    """Raises VictimGoneError when somebody removed our scratch container meanwhile: then nothing is known."""
    found: dict[str, str] = {}
    try:
        with _scratch(client, home, images, VICTIM_IMAGE, {}) as made:
            victim = victims.look(client, made)
            found |= _of_the_engine(client, victim)
            found |= _of_helpers(client, home, images, victim)
            victims.look(client, made)
            return Found(found)
    except (ChaosEcsError, APIError) as error:
        return Found(dict.fromkeys(NAMES, _reason(error)) | found, tried=False)


def _of_the_engine(client: APIClient, victim: Victim) -> dict[str, str]:
    return {
        "freezer": _trouble(lambda: _pause(client, victim)),
        "quota": _trouble(lambda: _limit_time(client, victim)),
        "pids": _trouble(lambda: _limit_processes(client, victim)),
    }


def _pause(client: APIClient, victim: Victim) -> None:
    client.pause(victim.id)
    is_paused = victims.look(client, victim.id).paused
    client.unpause(victim.id)
    if not is_paused:
        raise RefusedError("docker pause has no effect")


def _limit_time(client: APIClient, victim: Victim) -> None:
    update(client, victim, {"CpuQuota": 50_000})
    update(client, victim, {"CpuQuota": NO_LIMIT})


def _limit_processes(client: APIClient, victim: Victim) -> None:
    """With two at most, the line that is run in it cannot start a third."""
    update(client, victim, {"PidsLimit": 2})
    ran = victims.run(client, victim.id, _FORKS, within=_TRY_SECONDS, tag="")
    update(client, victim, {"PidsLimit": NO_LIMIT})
    if ran.code == 0:
        raise RefusedError("a limit of processes has no effect")


def _of_helpers(client: APIClient, home: Home, images: ImagesPort, victim: Victim) -> dict[str, str]:
    """All in one helper; where that cannot be had, each in one of its own, to know which it was. Raises ImageError when
    they have no image."""
    found = dict.fromkeys(HELPERS, "")
    trials: list[_Trial] = [
        (("helper", *KERNEL), {"NetworkMode": f"container:{victim.id}", "CapAdd": ["NET_ADMIN"]}, _kernel),
        (("files",), {"PidMode": f"container:{victim.id}", "CapAdd": ["SYS_PTRACE"]}, _files),
    ]
    try:
        parent = {"CgroupParent": helpers.cgroup_of(client, victim), "PidMode": f"container:{victim.id}"}
        trials.append((("cgroup",), parent, _cgroup))
    except RefusedError as refused:
        found["cgroup"] = str(refused)
    together = {name: value for _, host, _ in trials for name, value in host.items()}
    together["CapAdd"] = ["NET_ADMIN", "SYS_PTRACE"]
    try:
        with _scratch(client, home, images, helpers.IMAGE, together) as helper:
            return found | {name: why for _, _, look in trials for name, why in look(client, helper).items()}
    except APIError as error:
        if not engine.has_answered(error):
            raise
        _log.info("one helper for all cannot be had: %s", engine.why(error))
    for names, host, look in trials:
        found |= _alone(client, home, images, names, host, look)
    return found


def _alone(
    client: APIClient,
    home: Home,
    images: ImagesPort,
    names: tuple[str, ...],
    host: Mapping[str, Any],
    look: Callable[[APIClient, str], dict[str, str]],
) -> dict[str, str]:
    found: dict[str, str] = {}

    def attempt() -> None:
        with _scratch(client, home, images, helpers.IMAGE, host) as helper:
            found.update(look(client, helper))

    why = _trouble(attempt)
    return found or dict.fromkeys(names, why)


def _kernel(client: APIClient, helper: str) -> dict[str, str]:
    ran = victims.run(client, helper, _DETECT, within=_TRY_SECONDS, tag="")
    try:
        told = json.loads(ran.says)
        return {"helper": ""} | {name: str(told[name]) for name in KERNEL}
    except (ValueError, TypeError, KeyError):
        return {"helper": ""} | dict.fromkeys(KERNEL, f"it cannot be found out: {ran.says}")


def _files(client: APIClient, helper: str) -> dict[str, str]:
    ran = victims.run(client, helper, _READS_FILES, within=_TRY_SECONDS, tag="")
    return {"files": "" if ran.code == 0 else "a helper may not see another container's files"}


def _cgroup(client: APIClient, helper: str) -> dict[str, str]:
    ran = victims.run(client, helper, _IS_BELOW, within=_TRY_SECONDS, tag="")
    return {"cgroup": "" if ran.code == 0 else f"a helper cannot be put into another's cgroup: {ran.says}"}


def _trouble(attempt: Callable[[], None]) -> str:
    """Why it did not work, empty when it did. Raises what says that the engine is gone."""
    try:
        attempt()
    except (RefusedError, APIError) as error:
        return _reason(error)
    return ""


def _reason(error: Exception) -> str:
    """Raises the error itself when it says that the engine is gone."""
    if isinstance(error, APIError):
        if not engine.has_answered(error):
            raise error
        return engine.why(error)
    if isinstance(error, ChaosEcsError) and error.code == engine.DOWN:
        raise error
    return str(error)


@contextlib.contextmanager
def _scratch(client: APIClient, home: Home, images: ImagesPort, image: str, host: Mapping[str, Any]) -> Iterator[str]:
    """A container of ours that runs and does nothing; its id."""
    images.ensure(image, lambda: None)
    config = {
        "Image": image,
        "Labels": {**home.labels, labels.SCRATCH: "abilities"},
        "Entrypoint": _LIFETIME,
        "Cmd": [],
        "HostConfig": {"NetworkMode": "none", "CapDrop": ["ALL"], "AutoRemove": True, **host},
    }
    name = f"chaos-ecs-scratch-{secrets.token_hex(6)}"
    made = str(client.create_container_from_config(config, name)["Id"])
    try:
        client.start(made)
        yield made
    finally:
        helpers.remove(client, made)
