"""`apply`: the only writer of State. One table says which function takes which message.

Commands are in `commands.py` and `task_definitions.py`, Facts in `facts.py`, Actions in `intents.py`, and what they
share about a task's life in `lifecycle.py`. A Command may raise an EcsError, before anything has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chaos_ecs.core import commands, facts, intents, task_definitions
from chaos_ecs.core import messages as m
from chaos_ecs.core.state import State

_APPLIED_BY: dict[type[m.Message], Callable[[State, Any, float], None]] = {
    m.OpenRegion: commands.open_region,
    m.CreateCluster: commands.create_cluster,
    m.DeleteCluster: commands.delete_cluster,
    m.RegisterTaskDefinition: task_definitions.register,
    m.DeregisterTaskDefinition: task_definitions.deregister,
    m.CreateService: commands.create_service,
    m.UpdateService: commands.update_service,
    m.DeleteService: commands.delete_service,
    m.RunTask: commands.run_task,
    m.StopTask: commands.stop_task,
    m.KillTask: commands.kill_task,
    m.SetStandby: commands.set_standby,
    m.ContainerSeen: facts.container_seen,
    m.ContainerGone: facts.container_gone,
    m.PullStarted: facts.pull_started,
    m.PullStopped: facts.pull_stopped,
    m.StartFailed: facts.start_failed,
    m.StartUnknown: facts.start_unknown,
    m.EngineConnected: facts.engine_connected,
    m.EngineLost: facts.engine_lost,
    m.StartTasks: intents.start_tasks,
    m.StopTasks: intents.stop_tasks,
    m.PrepareStandbys: intents.prepare_standbys,
    m.DiscardStandbys: intents.discard_standbys,
    m.FailTask: intents.fail_task,
    m.MarkSteady: intents.mark_steady,
    m.RetireDeployments: intents.retire_deployments,
    m.DeactivateService: intents.deactivate_service,
    m.ForgetTask: intents.forget_task,
    m.ForgetService: intents.forget_service,
    m.ForgetCluster: intents.forget_cluster,
    m.StartContainer: intents.start_container,
    m.SignalContainer: intents.signal_container,
    m.PauseContainer: intents.pause_container,
    m.ResumeContainer: intents.resume_container,
    m.RemoveContainer: intents.remove_container,
    m.RemoveNetwork: intents.remove_network,
}


def apply(state: State, message: m.Message, now: float) -> tuple[m.Event, ...]:
    """Works one message into State and answers with the events it caused. Raises EcsError for a refused Command."""
    state.events = []
    _APPLIED_BY[type(message)](state, message, now)
    return tuple(state.events)
