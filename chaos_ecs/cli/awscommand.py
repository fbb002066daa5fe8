"""What was just done, as the command of the real AWS CLI that does the same. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos_ecs.cli.snapshot import name_of

_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Action:
    """An operation of the ECS API, or of another service's, with its members; `remark` says where ours differs."""

    operation: str
    members: Mapping[str, Any] = field(default_factory=dict)
    remark: str = ""
    service: str = "ecs"


def rows(action: Action, url: str) -> list[str]:
    """The command in rows that can be copied as they stand.

    Worked example: UpdateService {cluster, service, desiredCount}  ->  aws ecs update-service, --cluster my-cluster,
    --service web, --desired-count 3, --endpoint-url http://127.0.0.1:8481.
    """
    options = [_option(name, value) for name, value in action.members.items() if value is not None]
    parts = [f"aws {action.service} {_dashed(action.operation)}", *options, f"--endpoint-url {url}"]
    command = [f"{part} \\" if part is not parts[-1] else part for part in parts]
    told = [command[0], *(f"{_INDENT}{part}" for part in command[1:])]
    keys = '# the keys, once: eval "$(chaos-ecs aws-env)"'
    return [keys, *told, *([f"# {action.remark}"] if action.remark else [])]


def _dashed(name: str) -> str:
    """desiredCount -> desired-count"""
    return re.sub(r"(?<=[a-z])([A-Z])", r"-\1", name).lower()


def _option(name: str, value: Any) -> str:
    """A switch has no value; what wants an ARN gets the whole of it, everything else the name alone."""
    if isinstance(value, bool):
        return f"--{'' if value else 'no-'}{_dashed(name)}"
    if isinstance(value, list | dict):
        return f"--{_dashed(name)} {shlex.quote(json.dumps(value))}"
    is_long = isinstance(value, str) and value.startswith("arn:") and not name.endswith("Arn")
    return f"--{_dashed(name)} {shlex.quote(name_of(value) if is_long else str(value))}"
