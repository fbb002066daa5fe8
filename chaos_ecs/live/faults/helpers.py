"""Helper containers: made of the toolbox image beside a victim, listened to, ended, removed.

Each function is a few calls of the engine and decides nothing; they raise the SDK's exceptions. What a helper does is
in `task_images/toolbox/`. Never here: when one is wanted (`holding.py`).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound
from docker.types import CancellableStream

from chaos_ecs.core.recipe import Joins
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine, labels, own
from chaos_ecs.live.faults.outcomes import Hit, Key, RefusedError, tag_of
from chaos_ecs.live.faults.victim import Ran, Victim, look
from chaos_ecs.live.labels import Home
from chaos_ecs.live.starts import ImagesPort

IMAGE = own.TOOLBOX_IMAGE
ORDER = "CHAOS_ECS_ORDER"
ERRAND_SECONDS = 15.0
_REMOVED_SECONDS = 10.0
_EVERY_SECONDS = 0.05
_AGAIN_SECONDS = 1.0  # a signal is lost on a main process that has no handler yet
_LOG_CONFIG = {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "1"}}  # read by us, whatever the default
_WORDS = ("active", "refused", "undone", "stuck")


@dataclass(frozen=True, slots=True)
class Helper:
    """As the engine has it. `exit_code` is None while it has not ended."""

    id: str
    started: bool
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Word:
    """A line of its output: `told` is one of _WORDS."""

    told: str
    says: str

    @property
    def is_last(self) -> bool:
        return self.told != "active"


class Toolbox:
    """Makes helpers; brings their image first. Called by several threads at once."""

    def __init__(self, home: Home, images_of: Callable[[APIClient], ImagesPort]) -> None:
        self.home = home
        self._images_of = images_of
        self._images: tuple[APIClient, ImagesPort] | None = None  # of the present connection
        self._lock = threading.Lock()

    def images_on(self, client: APIClient) -> ImagesPort:
        with self._lock:
            if self._images is None or self._images[0] is not client:
                self._images = (client, self._images_of(client))
            return self._images[1]

    def make(self, client: APIClient, victim: Victim, hit: Hit, name: str, order: Mapping[str, Any]) -> str:
        """The id of a helper made and not started yet, or of the one that was made before. Raises ChaosEcsError when
        its image cannot be had."""
        config = self._config(client, victim, hit, hit.recipe.joins, hit.recipe.capabilities)
        config["Env"] = [f"{ORDER}={json.dumps(order)}"]
        return self._create(client, config, name)

    def undo(self, client: APIClient, hit: Hit, within: float) -> Word | None:
        """Undoes as a helper does, by an errand; its last word."""
        victim = look(client, hit.runtime_id)
        config = self._config(client, victim, hit, hit.recipe.joins, hit.recipe.capabilities)
        config["Env"] = [f"{ORDER}={json.dumps(order_of(hit, 'undo'))}"]
        with self._errand(client, hit, config) as made:
            await_end(client, made, within)
            return next((word for word in reversed(words(client, made)) if word.is_last), None)

    def run(self, client: APIClient, hit: Hit, script: str, joins: Sequence[Joins], capabilities: Sequence[str]) -> Ran:
        """Runs a short script of sh as an errand."""
        config = self._config(client, look(client, hit.runtime_id), hit, joins, capabilities)
        config |= {"Entrypoint": ["/bin/sh", "-c", script], "Cmd": []}
        try:
            with self._errand(client, hit, config) as made:
                code = await_end(client, made, ERRAND_SECONDS)
                return Ran(code, last_words(client, made))
        except ChaosEcsError as error:  # its image cannot be had
            if error.code == engine.DOWN:
                raise
            return Ran(None, str(error))

    def end_errand(self, client: APIClient, hit: Hit) -> None:
        """Of a controller that was cut off: it must not strike after what comes now."""
        found = find(client, self.home, labels.errand_name(hit.fault_id, hit.index))
        if found is not None:
            remove(client, found.id)

    @contextmanager
    def _errand(self, client: APIClient, hit: Hit, config: dict[str, Any]) -> Iterator[str]:
        """A second helper for the hit, that does one thing and ends; removed whatever happens."""
        self.end_errand(client, hit)
        made = self._create(client, config, labels.errand_name(hit.fault_id, hit.index))
        try:
            client.start(made)
            yield made
        finally:
            remove(client, made)

    def _config(
        self, client: APIClient, victim: Victim, hit: Hit, joins: Sequence[Joins], capabilities: Sequence[str]
    ) -> dict[str, Any]:
        """The body of POST /containers/create, but for what it is to do."""
        host: dict[str, Any] = {
            "NetworkMode": f"container:{victim.id}" if Joins.NETWORK in joins else "none",
            "CapDrop": ["ALL"],
            "CapAdd": list(capabilities),
            "RestartPolicy": {"Name": "no"},
            "LogConfig": _LOG_CONFIG,
        }
        if Joins.CGROUP in joins:
            must_not_be_paused(victim)
            host["CgroupParent"] = cgroup_of(client, victim)
        if Joins.PROCESSES in joins or Joins.CGROUP in joins:
            # Whoever is in its cgroup must end with it: else the engine cannot take the cgroup down, ever.
            host["PidMode"] = f"container:{victim.id}"
        marks = {**self.home.labels, labels.FAULT: hit.fault_id, labels.HIT: str(hit.index)}
        return {"Image": IMAGE, "Labels": marks, "HostConfig": host}

    def _create(self, client: APIClient, config: dict[str, Any], name: str) -> str:
        self.images_on(client).ensure(IMAGE, _nothing)
        try:
            return str(client.create_container_from_config(config, name)["Id"])
        except APIError as error:
            existing = find(client, self.home, name) if error.status_code == 409 else None
            if existing is None:
                raise
            return existing.id


def must_not_be_paused(victim: Victim) -> None:
    """Whoever is in its cgroup stands still with it: a helper would neither begin nor end."""
    if victim.paused:
        raise RefusedError("it is paused, and so is what joins it")


def find(client: APIClient, home: Home, name: str) -> Helper | None:
    """Raises RefusedError when a container that is not ours has its name."""
    try:
        found = client.inspect_container(name)
    except NotFound:
        return None
    marks = labels.of(found)
    if marks.get(labels.HOME) != home.id or labels.FAULT not in marks:
        raise RefusedError(f"a container named {name} exists and is not ours")
    return _helper(found)


def look_at(client: APIClient, helper_id: str) -> Helper | None:
    try:
        return _helper(client.inspect_container(helper_id))
    except NotFound:
        return None


def all_of(client: APIClient, home: Home) -> dict[str, Key]:
    """Every helper of this home by its id, with the hit it is for."""
    found = client.containers(all=True, filters={"label": [f"{labels.HOME}={home.id}", labels.FAULT]})
    keys = {one["Id"]: (labels.of(one)[labels.FAULT], labels.of(one).get(labels.HIT, "")) for one in found}
    return {helper_id: (fault_id, int(index)) for helper_id, (fault_id, index) in keys.items() if index.isdecimal()}


def order_of(hit: Hit, mode: str, seconds: float = 0.0) -> dict[str, Any]:
    recipe = hit.recipe
    return {
        "do": list(recipe.do),
        "undo": list(recipe.undo),
        "probe": recipe.probe,
        "probeSeconds": recipe.probe_seconds,
        "background": recipe.background,
        "seconds": seconds,
        "mode": mode,
        "tag": tag_of(hit),
    }


def words(client: APIClient, helper_id: str) -> list[Word]:
    """All it has said; none when it is gone."""
    try:
        output = client.logs(helper_id, stdout=True, stderr=False)
    except NotFound:
        return []
    return [word for line in output.splitlines() if (word := _word(line)) is not None]


def follow(client: APIClient, helper_id: str) -> CancellableStream:
    """Its output from the beginning, until it ends; to be read by `read`."""
    return client.logs(helper_id, stdout=True, stderr=False, stream=True, follow=True)


def read(stream: CancellableStream) -> Iterator[Word]:
    begun = b""
    for chunk in stream:
        *lines, begun = (begun + chunk).split(b"\n")
        yield from (word for line in lines if (word := _word(line)) is not None)


def hang_up(stream: CancellableStream) -> None:
    """Ends a stream that another thread reads, as in `watcher.py`."""
    try:
        stream.close()
    except AttributeError:  # the SDK looks for its socket in what the reader may just have torn down
        return
    except engine.UNREACHABLE:
        return


def last_words(client: APIClient, helper_id: str) -> str:
    """The last line of all its output, for people."""
    try:
        output = client.logs(helper_id, tail=1).decode(errors="replace").strip()
    except NotFound:
        return "it was removed"
    return output or "it said nothing"


def stop(client: APIClient, helper_id: str, patience: float) -> None:
    """SIGTERM, which makes it undo, and SIGKILL when its patience is over. Returns when it has ended."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if not _signalled(client, helper_id, "SIGTERM"):
            return
        if await_end(client, helper_id, min(_AGAIN_SECONDS, patience)) is not None:
            return
    if _signalled(client, helper_id, "SIGKILL"):
        await_end(client, helper_id, _REMOVED_SECONDS)


def await_end(client: APIClient, helper_id: str, within: float) -> int | None:
    """Its exit code, once it has ended; None when it has not within that time."""
    until = time.monotonic() + within
    while True:
        found = look_at(client, helper_id)
        if found is None:
            return -1
        if found.exit_code is not None or time.monotonic() >= until:
            return found.exit_code
        time.sleep(_EVERY_SECONDS)


def remove(client: APIClient, helper_id: str) -> None:
    """Returns when it is gone."""
    try:
        client.remove_container(helper_id, force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:
            raise
    until = time.monotonic() + _REMOVED_SECONDS  # 409: its removal is under way
    while look_at(client, helper_id) is not None and time.monotonic() < until:
        time.sleep(_EVERY_SECONDS)


def cgroup_of(client: APIClient, victim: Victim) -> str:
    """Where the engine has put the victim: below it goes a helper that is to count as the victim's."""
    if client.info().get("CgroupDriver") != "cgroupfs":
        raise RefusedError("the engine's cgroups are systemd's: no container can be put into another's")
    return f"{victim.settings.get('CgroupParent') or '/docker'}/{victim.id}"


def _helper(found: Mapping[str, Any]) -> Helper:
    state = found["State"]
    created = state["Status"] in ("created", "configured", "initialized")
    ended = not created and not state.get("Running")
    return Helper(found["Id"], not created, int(state.get("ExitCode") or 0) if ended else None)


def _signalled(client: APIClient, helper_id: str, signal: str) -> bool:
    """False when it has ended already."""
    try:
        client.kill(helper_id, signal)
    except APIError as error:
        if not engine.has_answered(error):
            raise
        return False
    return True


def _word(line: bytes) -> Word | None:
    """None for what is no word of a helper's: a tool that wrote where it should not."""
    try:
        said = json.loads(line)
        word = Word(said["told"], str(said["says"]))
    except (ValueError, TypeError, KeyError):
        return None
    return word if word.told in _WORDS else None


def _nothing() -> None:
    """Nobody is told of a pull: the image is our own, and built here."""
