"""Removing what is ours from the engine, and proving it with a second look. Without our label nothing is touched.

What may go: what belongs to this home, and what belongs to a home of this machine whose folder is no more. The
controller of a home must have stopped before, or it starts anew what is removed here.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import NotFound
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from chaos_ecs.live import engine, labels

AT_ONCE = 8
PATIENCE_SECONDS = 10.0  # for what the engine is already removing
_IN_USE = "has active endpoints"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of ours in the engine. `kind` is container, network or volume; `id` is what the engine wants; `home`
    is the id of the state folder it belongs to; `task` the ARN of the task it is of, or an empty string; `engine` the
    further engine it is on."""

    kind: str
    id: str
    name: str
    home: str
    task: str = ""
    engine: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" + (f" on {self.engine}" if self.engine else "")


@dataclass(frozen=True, slots=True)
class Plan:
    """What `clean` would remove, containers first; `foreign` counts what belongs to other living homes; `silent` says
    which engines do not answer."""

    items: tuple[Item, ...]
    foreign: int
    silent: tuple[str, ...] = ()

    def count(self, kind: str) -> int:
        return sum(1 for item in self.items if item.kind == kind)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """How many of this home were removed, and in sentences what is left although it should not be; `foreign` as in
    Plan; `orphans` is how many things of homes that are no more went with them, `stuck` which of those stay; `held` are
    the networks of this home in which the engine lists nobody, and which it keeps for somebody who is no more."""

    containers: int
    networks: int
    volumes: int
    left: tuple[str, ...]
    foreign: int
    orphans: int = 0
    stuck: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


def plan(client: APIClient, home_id: str, *, everything: bool = False) -> Plan:
    """Only looks. `everything` takes other living homes in. Raises E-DOCKER-DOWN."""
    with engine.unreachable(engine.address_of(client)):
        found = _labelled(client)
    ours = tuple(item for item, marks in found if everything or _may_go(marks, home_id))
    return Plan(ours, len(found) - len(ours))


def clean(client: APIClient, home_id: str, *, everything: bool = False) -> Cleaned:
    """Removes what `plan` answers, running or not, and looks a second time. Raises E-DOCKER-DOWN."""

    def look() -> Plan:
        return plan(client, home_id, everything=everything)

    first = look()
    refusals = _remove_all(client, first.items)
    second = _second_look(look)
    if again := [item for item in second.items if item in refusals]:  # whoever was in their way may have gone since
        refusals |= _remove_all(client, again)
        second = look()
    # What a home that is no more leaves stuck in the engine is nothing that this home could be blamed for.
    ours = [item for item in second.items if everything or item.home == home_id]
    left, stuck = (
        tuple(f"{item}: {refusals.get(item, 'it came while the others went')}" for item in items)
        for items in (ours, [item for item in second.items if item not in ours])
    )
    gone = [item for item in first.items if item not in second.items]
    own = Plan(tuple(item for item in gone if everything or item.home == home_id), second.foreign)
    orphans = len(gone) - len(own.items)
    containers, networks, volumes = (own.count(kind) for kind in ("container", "network", "volume"))
    held = tuple(item.name for item in ours if _is_held(client, item, refusals.get(item, "")))
    return Cleaned(containers, networks, volumes, left, second.foreign, orphans, stuck, held)


def _remove_all(client: APIClient, items: Sequence[Item]) -> dict[Item, str]:
    """Why the engine kept those that it kept. Raises E-DOCKER-DOWN."""
    refusals: dict[Item, str] = {}
    with engine.unreachable(engine.address_of(client)):
        for kind in ("container", "network", "volume"):  # a network or volume in use cannot go
            chosen = [item for item in items if item.kind == kind]
            with ThreadPoolExecutor(AT_ONCE) as threads:
                answers = threads.map(lambda item: _remove(client, item), chosen)
                refusals |= {item: refusal for item, refusal in zip(chosen, answers, strict=True) if refusal}
    return refusals


def _is_held(client: APIClient, item: Item, refusal: str) -> bool:
    """Whether the engine says that a network is in use, and lists nobody in it: github.com/moby/moby/issues/19261."""
    if item.kind != "network" or _IN_USE not in refusal:
        return False
    with engine.unreachable(engine.address_of(client)):
        try:
            return not client.inspect_network(item.id)["Containers"]
        except NotFound:
            return False


def _second_look(look: Callable[[], Plan]) -> Plan:
    """What is there still; a removal that was under way when asked for is given some time."""
    patient = Retrying(
        retry=retry_if_result(lambda found: any(item.kind == "container" for item in found.items)),
        wait=wait_fixed(0.1),
        stop=stop_after_delay(PATIENCE_SECONDS),
    )
    try:
        return patient(look)
    except RetryError:
        return look()


def _labelled(client: APIClient) -> list[tuple[Item, Mapping[str, str]]]:
    """Everything that carries our label, with all its labels. Filtered by the engine, and once more here."""
    filters = {"label": labels.HOME}
    containers = client.containers(all=True, filters=filters)
    networks = client.networks(filters=filters)
    volumes = client.volumes(filters=filters).get("Volumes") or ()
    listed = [
        *[("container", one["Id"], _container_name(one), labels.of(one)) for one in containers],
        *[("network", one["Id"], one["Name"], labels.of(one)) for one in networks],
        *[("volume", one["Name"], one["Name"], labels.of(one)) for one in volumes],
    ]
    return [
        (Item(kind, id_, name, marks[labels.HOME], marks.get(labels.TASK, "")), marks)
        for kind, id_, name, marks in listed
        if labels.HOME in marks
    ]


def _container_name(listed: Mapping[str, Any]) -> str:
    names = listed.get("Names") or [listed["Id"][:12]]
    return str(names[0]).removeprefix("/")


def _may_go(marks: Mapping[str, str], home_id: str) -> bool:
    if marks[labels.HOME] == home_id:
        return True
    path = marks.get(labels.HOME_PATH, "")
    return bool(path) and marks.get(labels.MACHINE) == platform.node() and _is_no_more(Path(path))


def _is_no_more(folder: Path) -> bool:
    """Only what is certainly gone: another user's folder, which we may not look into, is theirs."""
    try:
        folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _remove(client: APIClient, item: Item) -> str:
    """Why the engine refused, or "". Raises when it does not answer."""
    remove: dict[str, Callable[[str], Any]] = {
        "container": lambda container: client.remove_container(container, force=True, v=True),
        "network": client.remove_network,
        "volume": client.remove_volume,
    }
    try:
        remove[item.kind](item.id)
    except NotFound:
        return ""
    except engine.UNREACHABLE as error:
        if not engine.has_answered(error):
            raise
        return engine.why(error)
    return ""
