"""`apply` for cluster settings, account settings and the deletion of task definitions. Tags are in `tagging.py`."""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core.commands import active_cluster
from chaos_ecs.core.model import AccountSetting
from chaos_ecs.core.resource_messages import (
    DeleteAccountSetting,
    DeleteTaskDefinitions,
    PutAccountSetting,
    UpdateCluster,
)
from chaos_ecs.core.state import State


def update_cluster(state: State, command: UpdateCluster, now: float) -> None:
    """API_UpdateCluster, API_UpdateClusterSettings, API_PutClusterCapacityProviders: what is said is checked before."""
    state.put(replace(active_cluster(state, command.arn), registered=command.registered))


def delete_task_definitions(state: State, command: DeleteTaskDefinitions, now: float) -> None:
    """API_DeleteTaskDefinitions: what runs of them goes on; nothing new is started of them."""
    for arn in command.arns:
        definition = state.task_definitions[arn]
        if definition.status == "INACTIVE":
            state.put(replace(definition, status="DELETE_IN_PROGRESS", delete_requested_at=now))


def put_account_setting(state: State, command: PutAccountSetting, now: float) -> None:
    state.put(AccountSetting(command.key, command.value))


def delete_account_setting(state: State, command: DeleteAccountSetting, now: float) -> None:
    if known := state.account_settings.get(command.key):
        state.drop(known)
