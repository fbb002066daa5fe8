"""What AWS keeps elsewhere is in files of the state folder here: secrets, parameters, and objects of S3 (decision 073).

Says where each reference leads and what its text means; reading is for whoever starts the container, by way of `Read`.
Sources: API_Secret and API_EnvironmentFile; Developer Guide, "Pass sensitive data to an Amazon ECS container" and "Pass
an individual environment variable". The words of errors are the agent's.

Worked examples: arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf:password:: is the member `password`
of the JSON in secrets/prod/db-AbCdEf, or else secrets/prod/db; /prod/token is secrets/prod/token;
arn:aws:s3:::config/web.env is s3/config/web.env.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chaos_ecs.core.container_settings import Secret
from chaos_ecs.core.model import ContainerDefinition

SECRETS = "secrets"
OBJECTS = "s3"
ERROR = "ResourceInitializationError"

Read = Callable[[str], str | None]
"""The text of a file, by its path in the state folder with slashes; None where there is none."""

# Secrets Manager adds six characters to the name, which here need not be there. Where they are letters of a word, as in
# prod/my-secret, they are the name's own: of random ones one in 184 has neither a digit nor a capital.
_RANDOM_SUFFIX = re.compile(r"-(?=.*[A-Z0-9])[A-Za-z0-9]{6}$")
_CURRENT = ("", "AWSCURRENT")
_READABLE = " in the state folder that can be read as text of at most 1 MiB"


class MissingError(Exception):
    """A container cannot have what it refers to; the message is the end of a sentence."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What a container's references have led to."""

    from_files: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    log_options: Mapping[str, str] = field(default_factory=dict)


def look_up(definition: ContainerDefinition, read: Read) -> LookedUp:
    """All a container refers to. Raises MissingError. Of environment files, the first that has a variable counts."""
    settings = definition.settings
    if not (settings.environment_files or settings.secrets or settings.log):
        return LookedUp()
    from_files: dict[str, str] = {}
    for arn in settings.environment_files:
        path = _inside(OBJECTS, arn.split(":::", 1)[-1])
        text = read(path)
        if text is None:
            raise MissingError(f"failed to download env files: there is no file {path}{_READABLE}")
        from_files = parsed(text) | from_files
    log_options = settings.log.secret_options if settings.log else ()
    return LookedUp(from_files, _values(settings.secrets, read), _values(log_options, read))


def parsed(text: str) -> dict[str, str]:
    """An environment file: VARIABLE=VALUE in each line, nothing is unquoted; lines beginning with # are comments."""
    lines = text.replace("\r\n", "\n").split("\n")  # splitlines() would cut at a form feed within a value, too
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value for name, value in pairs if name.strip()}


def _values(secrets: Sequence[Secret], read: Read) -> dict[str, str]:
    try:
        return {secret.name: _value(secret.value_from, read) for secret in secrets}
    except MissingError as missing:
        raise MissingError(f"unable to pull secrets or registry auth: {missing}") from None


def _value(value_from: str, read: Read) -> str:
    parts = value_from.split(":")
    if parts[2:3] == ["secretsmanager"] and parts[5:6] == ["secret"]:
        name, key, stage, version = (*parts[6:], "", "", "", "")[:4]
        if stage not in _CURRENT or version:
            raise MissingError(f"of {name} only the current version is kept here")
        return _member(_first([name, _RANDOM_SUFFIX.sub("", name)], read), name, key)
    name = parts[5].removeprefix("parameter") if parts[2:3] == ["ssm"] and len(parts) > 5 else value_from
    return _first([name.strip("/")], read)


def _first(names: Sequence[str], read: Read) -> str:
    """A file made by an editor ends in a line break, which is no part of the secret."""
    for name in names:
        if (text := read(_inside(SECRETS, name))) is not None:
            return text.removesuffix("\n").removesuffix("\r")
    paths = dict.fromkeys(_inside(SECRETS, name) for name in names)
    raise MissingError(f"there is no file {' or '.join(paths)}{_READABLE}")


def _member(text: str, name: str, key: str) -> str:
    if not key:
        return text
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError):
        raise MissingError(f"retrieved secret {name} did not contain json key {key}") from None
    return value if isinstance(value, str) else json.dumps(value)


def _inside(folder: str, name: str) -> str:
    """The path of a name, which must not lead out of its folder."""
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in name or "\0" in name:
        raise MissingError(f"{name!r} is no name of a file in {folder}")
    return f"{folder}/{name}"
