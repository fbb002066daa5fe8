"""Where the commands go with --endpoint, which of them may, and what they say instead of what is only here. Light.

Never here: the calls (see `api.py`). Nothing of this is imported by a command on the own controller but this file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from chaos_ecs.errors import ChaosEcsError

AWS = "aws"
COMMANDS = ("service", "run-task", "task", "ps", "kill", "events", "help")
"""Those that are made of calls to the ECS API, and nothing else."""
_PLACE = ("events", "kill", "ps", "run-task", "service", "task")

# What a hint names that is only here, and what does there.
_INSTEAD = (
    (re.compile(r"chaos-ecs watch\b"), "chaos-ecs events --follow"),
    (re.compile(r"chaos-ecs instance ls, then: chaos-ecs instance add"), "aws ecs list-container-instances"),
    (re.compile(r"chaos-ecs logs (\S+)(?: -f)?"), r"chaos-ecs task describe \1"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """An ECS API that is not the own controller's: `endpoint` is "aws" or an address."""

    endpoint: str
    profile: str = ""
    region: str = ""

    @property
    def is_aws(self) -> bool:
        return self.endpoint == AWS

    @property
    def name(self) -> str:
        """What a person calls it: Amazon ECS, or the ECS API at http://127.0.0.1:8481."""
        return "Amazon ECS" if self.is_aws else f"the ECS API at {self.endpoint}"

    @property
    def options(self) -> str:
        """As they were typed, for the next command."""
        told = (("--endpoint", self.endpoint), ("--profile", self.profile), ("--region", self.region))
        return " ".join(f"{name} {value}" for name, value in told if value)

    def instead(self, text: str) -> str:
        """A hint in which what is only here is what does there."""
        for here, there in _INSTEAD:
            text = here.sub(there, text)
        return text


def of(endpoint: str, profile: str, region: str) -> Place | None:
    """The place that the options say; None is the own controller. What cannot be one is exit code 2."""
    if not endpoint:
        if profile or region:
            option = "--profile" if profile else "--region"
            raise _usage(
                f"{option} wants --endpoint", "the own controller has one region and keys of its own", "--endpoint aws"
            )
        return None
    place = Place(endpoint.rstrip("/"), profile, region)
    try:
        parts = urlsplit(place.endpoint)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not place.is_aws and not is_address:
        why = "it is aws, or the address of an ECS API such as http://127.0.0.1:8481"
        raise _usage(f"--endpoint cannot be {endpoint}", why, "--endpoint aws")
    return place


def _usage(what: str, why: str, options: str) -> ChaosEcsError:
    return ChaosEcsError("E-USAGE", what, why, f"chaos-ecs {options} --cluster NAME ps", 2)


def must_be_there(place: Place | None, command: str | None) -> None:
    """Raises E-ONLY-HERE for a command that is more than calls to the ECS API; there is no other place to ask for."""
    if place is None or command in COMMANDS:
        return
    said = "The overview" if command is None else f"The command {command}"
    why = f"{place.name} answers what the ECS API has: {', '.join(_PLACE)}; the rest is chaos-ecs's own"
    raise ChaosEcsError("E-ONLY-HERE", f"{said} is not there with --endpoint", why, next_there(place), 2)


def only_here(place: Place, what: str, why: str, instead: str = "") -> ChaosEcsError:
    """The refusal of an option or an operation that the ECS API has none for; nothing was called."""
    return ChaosEcsError("E-ONLY-HERE", f"{what} is only on the own controller", why, instead or next_there(place), 2)


def next_there(place: Place) -> str:
    return f"chaos-ecs {place.options} --cluster NAME ps; or without --endpoint"
