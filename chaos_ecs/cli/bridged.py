"""`events --eventbridge`: JSON lines, as Amazon ECS would send them to Amazon EventBridge. Made to be piped."""

from __future__ import annotations

import json

from chaos_ecs.cli.client import Answer, Controller, lost
from chaos_ecs.cli.shell import Shell
from chaos_ecs.errors import ChaosEcsError

_REMEMBERED = 20_000
_RETRY_SECONDS = 0.5
_RETRIES = 10


def tell(
    shell: Shell, controller: Controller, cluster: str, service: str | None, *, follow: bool, tail: int | None
) -> None:
    """What is known, oldest first, and with `follow` what happens from then on; each event once."""
    told = [event for event in controller.bridged(follow=False) if _is_of(event, cluster, service)]
    for event in told if tail is None else told[len(told) - min(tail, len(told)) :]:
        shell.tell(json.dumps(event))
    seen = dict.fromkeys(str(event["id"]) for event in told)
    tries = 0
    while follow:
        try:
            for event in controller.bridged(follow=True):  # all that is known once more: what was told has an id
                tries = 0
                if event["id"] not in seen and _is_of(event, cluster, service):
                    seen[event["id"]] = None
                    shell.tell(json.dumps(event))
                if len(seen) > _REMEMBERED:
                    del seen[next(iter(seen))]
        except KeyboardInterrupt:
            return
        except ChaosEcsError as error:
            tries += 1
            if error.code != lost("").code or tries > _RETRIES:
                raise
            shell.sleep(_RETRY_SECONDS)
            controller = shell.running_controller() or controller


def _is_of(event: Answer, cluster: str, service: str | None) -> bool:
    """Whether it is of the cluster and, where one is named, of the service: its own, or of a task of it."""
    place, _, resource = str(event["resources"][0]).rpartition(":")
    _, where, name = resource.split("/", 2)
    is_of_service = name == service or event["detail"].get("group") == f"service:{service}"
    return f"{place}:cluster/{where}" == cluster and (service is None or is_of_service)
