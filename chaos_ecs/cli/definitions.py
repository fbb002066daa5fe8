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

DEFAULT = "web-server:1"
"""The revision that is there from the start: a later one may be a lesson's broken deployment."""
MEMORY_MIB = 128
DEMO_IMAGE = "chaos-ecs/demo"
DEMO_WEB_PORT = 8080
"""Our own image serves HTTP there in its role `web`, which is the one it has when none is named."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the options say of the container: None and () mean "as it is"."""

    image: str | None = None
    environment: Sequence[tuple[str, str]] = ()
    command: Sequence[str] | None = None
    port: int | None = None  # of the container

    @property
    def is_plain(self) -> bool:
        return self.image is None and not self.environment and self.command is None and self.port is None


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


def registered(
    shell: Shell, controller: Controller, family: str, wish: Wish, *, base: str | None, anew: bool = False
) -> str:
    """The FAMILY:REVISION that has what was wished for: the newest if it is the same already, else a new one; with
    `anew` a new one in any case.

    `base` is the task definition to begin from; None begins from the image alone.
    """
    containers = _begin(controller, family, wish, base)
    return registered_as(shell, controller, family, containers, wish, {}, anew=anew)


def registered_as(
    shell: Shell,
    controller: Controller,
    family: str,
    containers: list[dict[str, Any]],
    wish: Wish,
    more: dict[str, Any],
    *,
    anew: bool = False,
) -> str:
    """The same for containers that are given; `more`: other members of the request, which are taken to be the same."""
    _work_in(containers[0], wish)
    newest = None if anew else _newest(controller, family)
    if newest is not None and _essence(newest["containerDefinitions"]) == _essence(containers):
        return f"{family}:{newest['revision']}"
    request = {"family": family, "containerDefinitions": containers, **more}
    revision = controller.ecs("RegisterTaskDefinition", **request)["taskDefinition"]["revision"]
    shell.say(f"registered task definition {family}:{revision} (image {containers[0]['image']})")
    return f"{family}:{revision}"


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
    port = wish.port or (None if container.get("portMappings") else _port_of_demo(container))
    if port is not None:
        container["portMappings"] = [{"containerPort": port}]


def _port_of_demo(container: dict[str, Any]) -> int | None:
    """The port of our own image, where it is a web server and nobody said another one."""
    role = (container.get("command") or ["web"])[0]
    says_port = any(item["name"] == "PORT" for item in container.get("environment") or ())
    is_web = container["image"].partition(":")[0] == DEMO_IMAGE and role == "web" and not says_port
    return DEMO_WEB_PORT if is_web else None


def _newest(controller: Controller, family: str) -> dict[str, Any] | None:
    try:
        return describe(controller, family)
    except ChaosEcsError as error:
        if error.code != "ClientException":
            raise
        return None


def _essence(containers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Container definitions without the empty members and the defaults that an answer has and a request has not."""
    told = [{**item, "portMappings": [_told(port) for port in item.get("portMappings") or ()]} for item in containers]
    return [_told(item) for item in told]


def _told(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value not in (None, [], {}, 0, "", "tcp")}
