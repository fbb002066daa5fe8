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


@dataclass(frozen=True, slots=True)
class CreateCapacityProvider:
    """`without_effect`: members that are kept on record only, each with what is there instead."""

    arn: str
    auto_scaling_group: str
    registered: str
    tags: tuple[tuple[str, str], ...] = ()
    without_effect: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateCapacityProvider:
    """`registered` takes the place of all that was known (see `CapacityProvider`)."""

    arn: str
    registered: str
    without_effect: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DeleteCapacityProvider:
    """`cluster` has it, by name; empty: none does."""

    arn: str
    cluster: str = ""


ResourceCommand = (
    UpdateCluster
    | TagResource
    | UntagResource
    | DeleteTaskDefinitions
    | PutAccountSetting
    | DeleteAccountSetting
    | CreateCapacityProvider
    | UpdateCapacityProvider
    | DeleteCapacityProvider
)
