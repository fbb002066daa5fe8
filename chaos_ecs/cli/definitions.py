"""Which task definition a command means, registered if it is new. Never here: services and tasks themselves."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import typer

from chaos_ecs.cli.client import Controller
from chaos_ecs.cli.shell import Shell
from chaos_ecs.errors import ChaosEcsError

DEFAULT_FAMILY = "web-server"
MEMORY_MIB = 128


@dataclass(frozen=True, slots=True)
class Wish:
    """What the options say of the container: None and () mean "as it is"."""

    image: str | None = None
    environment: Sequence[tuple[str, str]] = ()
    command: Sequence[str] | None = None

    @property
    def is_plain(self) -> bool:
        return self.image is None and not self.environment and self.command is None


def words(command: str | None) -> list[str] | None:
    """The words of --command, quoted as in a shell; raises a usage error."""
    if command is None:
        return None
    try:
        return shlex.split(command)
    except ValueError as error:
        raise typer.BadParameter(f"{command!r}: {error}", param_hint="--command") from error


def family_of_image(image: str) -> str:
    """The family that is registered for an image when none is named: busybox for docker.io/library/busybox:1.36."""
    last = image.partition("@")[0].rsplit("/", 1)[-1].partition(":")[0]
    return re.sub(r"[^A-Za-z0-9_-]", "-", last) or "task"


def describe(controller: Controller, name: str) -> dict[str, Any]:
    """The task definition FAMILY or FAMILY:REVISION. Refused with ClientException when there is none."""
    found: dict[str, Any] = controller.ecs("DescribeTaskDefinition", taskDefinition=name)["taskDefinition"]
    return found


def registered(shell: Shell, controller: Controller, family: str, wish: Wish, *, base: str | None) -> str:
    """The FAMILY:REVISION that has what was wished for: the newest if it is the same already, else a new one.

    `base` is the task definition to begin from; None begins from the image alone.
    """
    containers = _begin(controller, family, wish, base)
    _work_in(containers[0], wish)
    newest = _newest(controller, family)
    if newest is not None and _essence(newest["containerDefinitions"]) == _essence(containers):
        return f"{family}:{newest['revision']}"
    made = controller.ecs("RegisterTaskDefinition", family=family, containerDefinitions=containers)["taskDefinition"]
    shell.say(f"registered task definition {family}:{made['revision']} (image {containers[0]['image']})")
    return f"{family}:{made['revision']}"


def _begin(controller: Controller, family: str, wish: Wish, base: str | None) -> list[dict[str, Any]]:
    if base is not None:
        containers: list[dict[str, Any]] = describe(controller, base)["containerDefinitions"]
        return containers
    return [{"name": family, "image": wish.image or "", "memory": MEMORY_MIB, "essential": True}]


def _work_in(container: dict[str, Any], wish: Wish) -> None:
    """Changes the container to what was wished for: variables are added, the rest takes its place."""
    if wish.image is not None:
        container["image"] = wish.image
    if wish.command is not None:
        container["command"] = list(wish.command)
    if wish.environment:
        known = {item["name"]: item["value"] for item in container.get("environment") or ()}
        merged = known | dict(wish.environment)
        container["environment"] = [{"name": name, "value": value} for name, value in merged.items()]


def _newest(controller: Controller, family: str) -> dict[str, Any] | None:
    try:
        return describe(controller, family)
    except ChaosEcsError as error:
        if error.code != "ClientException":
            raise
        return None


def _essence(containers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Container definitions without the empty members that an answer has and a request has not."""
    return [{name: value for name, value in item.items() if value not in (None, [], {}, 0, "")} for item in containers]
