"""Commands on what ECS keeps besides services and tasks: tags, cluster settings, account settings, old definitions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UpdateCluster:
    """`registered` takes the place of all that was known (see `Cluster`)."""

    arn: str
    registered: str


@dataclass(frozen=True, slots=True)
class TagResource:
    arn: str
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class UntagResource:
    arn: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteTaskDefinitions:
    """Of INACTIVE ones; the caller has seen to that."""

    arns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PutAccountSetting:
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class DeleteAccountSetting:
    key: str


ResourceCommand = (
    UpdateCluster | TagResource | UntagResource | DeleteTaskDefinitions | PutAccountSetting | DeleteAccountSetting
)
