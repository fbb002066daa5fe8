"""`apply` for capacity providers of one's own. What is said of them is checked before; here only what is there counts.

Sources: API_CreateCapacityProvider, API_UpdateCapacityProvider, API_DeleteCapacityProvider. Never here: which clusters
have them (`Cluster.registered`), how many tasks each gets (`capacity_providers.py`), and Auto Scaling groups, which do
not exist here: container instances are registered with the name of their provider.
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core.arns import name_of, region_of
from chaos_ecs.core.capacity_providers import CapacityProvider, UpdateStatus
from chaos_ecs.core.errors import ClientException, InvalidParameterException
from chaos_ecs.core.messages import EventType
from chaos_ecs.core.resource_messages import CreateCapacityProvider, DeleteCapacityProvider, UpdateCapacityProvider
from chaos_ecs.core.state import State

KEPT_INACTIVE = 100
"""Deleted ones stay describable, the newest of them."""

UNKNOWN_PROVIDER = "The specified capacity provider does not exist. Specify a valid name or ARN and try again."
TAKEN = (
    "The specified capacity provider already exists. To change the configuration of an existing capacity provider, "
    "update the capacity provider."
)
GROUP_TAKEN = (
    "The specified Auto Scaling group ARN is already being used by another capacity provider. Specify a unique Auto "
    "Scaling group ARN and try again."
)


def create(state: State, command: CreateCapacityProvider, now: float) -> None:
    region = region_of(command.arn)
    known_here = (known for known in state.capacity_providers.values() if region_of(known.arn) == region)
    active = [known for known in known_here if known.is_active]
    if any(known.arn == command.arn for known in active):
        raise ClientException(TAKEN)
    if any(known.auto_scaling_group == command.auto_scaling_group for known in active):
        raise ClientException(GROUP_TAKEN)
    provider = CapacityProvider(
        arn=command.arn,
        created_at=now,
        number=state.next_number("capacity-provider"),
        auto_scaling_group=command.auto_scaling_group,
        registered=command.registered,
        tags=command.tags,
    )
    state.put(provider)
    _tell_without_effect(state, provider, command.without_effect, now)


def update(state: State, command: UpdateCapacityProvider, now: float) -> None:
    provider = active_provider(state, command.arn, InvalidParameterException)
    status = UpdateStatus.UPDATE_COMPLETE
    state.put(replace(provider, registered=command.registered, update_status=status, update_reason=""))
    _tell_without_effect(state, provider, command.without_effect, now)


def delete(state: State, command: DeleteCapacityProvider, now: float) -> None:
    """One that a cluster has stays; ECS tells that in the status and refuses nothing."""
    provider = active_provider(state, command.arn, ClientException)
    if command.cluster:
        reason = (
            f"The capacity provider cannot be deleted because it is associated with cluster: {command.cluster}. Remove "
            "the capacity provider from the cluster and try again."
        )
        state.put(replace(provider, update_status=UpdateStatus.DELETE_FAILED, update_reason=reason))
        return
    state.put(replace(provider, status="INACTIVE", update_status=UpdateStatus.DELETE_COMPLETE, update_reason=""))
    inactive = [known for known in state.capacity_providers.values() if not known.is_active]
    for known in sorted(inactive, key=lambda known: known.number)[:-KEPT_INACTIVE]:
        state.drop(known)


def active_provider(
    state: State, arn: str, refusal: type[ClientException] | type[InvalidParameterException]
) -> CapacityProvider:
    """The one that has this ARN and was not deleted. Raises `refusal`."""
    provider = state.capacity_providers.get(arn)
    if provider is None or not provider.is_active:
        raise refusal(UNKNOWN_PROVIDER)
    return provider


def _tell_without_effect(
    state: State, provider: CapacityProvider, members: tuple[tuple[str, str], ...], now: float
) -> None:
    if not members:
        return
    named = ", ".join(member for member, _ in members)
    message = f"capacity provider {name_of(provider.arn)}: without effect here, and kept on record: {named}"
    told = [{"member": member, "instead": instead} for member, instead in members]
    state.emit(now, EventType.WITHOUT_EFFECT, message, capacityProvider=provider.arn, members=told)
