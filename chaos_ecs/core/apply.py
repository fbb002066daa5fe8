"""`apply`: the only writer of State. One table says which function takes which message.

Commands are in `commands.py`, `service_commands.py`, `task_definitions.py`, `resource_commands.py` and `tagging.py`,
Facts in `facts.py`, Actions in `intents.py`, `rollout.py` and `stages.py`, all of load balancing in
`target_groups.py`, `listeners.py` and `targets.py`, all of scaling in `scaling_commands.py`, all of faults in
`faults.py`, all of experiments in `experiments.py`, all of schedules in `schedule_commands.py`, `schedule_opening.py`
and `scheduling.py`; what they share about a task's life is in `lifecycle.py`. A Command may raise an EcsError, before
anything has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chaos_ecs.core import balancing_messages as b
from chaos_ecs.core import (
    balancing_tags,
    client,
    commands,
    discovery,
    experiments,
    facts,
    faults,
    intents,
    listeners,
    opening,
    resource_commands,
    restarts,
    rollout,
    scaling_commands,
    schedule_commands,
    schedule_opening,
    scheduling,
    service_commands,
    stages,
    tagging,
    target_groups,
    targets,
    task_definitions,
)
from chaos_ecs.core import discovery_messages as d
from chaos_ecs.core import experiment_messages as x
from chaos_ecs.core import fault_messages as f
from chaos_ecs.core import messages as m
from chaos_ecs.core import resource_messages as a
from chaos_ecs.core import rollout_messages as r
from chaos_ecs.core import scaling_messages as s
from chaos_ecs.core import schedule_messages as e
from chaos_ecs.core.state import State

_APPLIED_BY: dict[type[m.Message], Callable[[State, Any, float], None]] = {
    m.OpenRegion: opening.open_region,
    m.CreateCluster: commands.create_cluster,
    m.DeleteCluster: commands.delete_cluster,
    m.RegisterTaskDefinition: task_definitions.register,
    m.DeregisterTaskDefinition: task_definitions.deregister,
    m.CreateService: service_commands.create_service,
    m.UpdateService: service_commands.update_service,
    m.DeleteService: service_commands.delete_service,
    m.RunTask: commands.run_task,
    m.StopTask: commands.stop_task,
    m.KillTask: commands.kill_task,
    m.SetStandby: service_commands.set_standby,
    a.UpdateCluster: resource_commands.update_cluster,
    a.TagResource: tagging.tag_resource,
    a.UntagResource: tagging.untag_resource,
    a.DeleteTaskDefinitions: resource_commands.delete_task_definitions,
    a.PutAccountSetting: resource_commands.put_account_setting,
    a.DeleteAccountSetting: resource_commands.delete_account_setting,
    r.StopServiceDeployment: service_commands.stop_service_deployment,
    r.ContinueServiceDeployment: stages.continue_service_deployment,
    r.SetTaskProtection: service_commands.set_task_protection,
    b.CreateTargetGroup: target_groups.create_target_group,
    b.ModifyTargetGroup: target_groups.modify_target_group,
    b.ModifyTargetGroupAttributes: target_groups.modify_target_group_attributes,
    b.DeleteTargetGroup: target_groups.delete_target_group,
    b.CreateLoadBalancer: listeners.create_load_balancer,
    b.DeleteLoadBalancer: listeners.delete_load_balancer,
    b.CreateListener: listeners.create_listener,
    b.ModifyListener: listeners.modify_listener,
    b.DeleteListener: listeners.delete_listener,
    b.CreateRule: listeners.create_rule,
    b.ModifyRule: listeners.modify_rule,
    b.DeleteRule: listeners.delete_rule,
    b.AddTags: balancing_tags.add_tags,
    b.RemoveTags: balancing_tags.remove_tags,
    s.RegisterScalableTarget: scaling_commands.register_scalable_target,
    s.DeregisterScalableTarget: scaling_commands.deregister_scalable_target,
    s.PutScalingPolicy: scaling_commands.put_scaling_policy,
    s.DeleteScalingPolicy: scaling_commands.delete_scaling_policy,
    f.InjectFault: faults.inject_fault,
    f.UndoFaults: faults.undo_faults,
    x.CreateExperimentTemplate: experiments.create_template,
    x.UpdateExperimentTemplate: experiments.update_template,
    x.DeleteExperimentTemplate: experiments.delete_template,
    x.StartExperiment: experiments.start_experiment,
    x.StopExperiment: experiments.stop_experiment,
    x.SetSafetyLever: experiments.set_safety_lever,
    x.TagExperiment: experiments.tag_experiment,
    e.CreateScheduleGroup: schedule_commands.create_group,
    e.DeleteScheduleGroup: schedule_commands.delete_group,
    e.TagScheduleGroup: schedule_commands.tag_group,
    e.CreateSchedule: schedule_commands.create_schedule,
    e.UpdateSchedule: schedule_commands.update_schedule,
    e.DeleteSchedule: schedule_commands.delete_schedule,
    b.HostPortTaken: listeners.host_port_taken,
    m.ContainerSeen: facts.container_seen,
    m.ContainerGone: facts.container_gone,
    m.PullStarted: facts.pull_started,
    m.PullStopped: facts.pull_stopped,
    m.StartFailed: facts.start_failed,
    m.StartUnknown: facts.start_unknown,
    m.EngineConnected: facts.engine_connected,
    m.EngineLost: facts.engine_lost,
    d.DiscoveryUp: discovery.discovery_up,
    d.DiscoveryLost: discovery.discovery_lost,
    b.ClientFailing: client.client_failing,
    b.ClientServed: client.client_served,
    s.MetricSeen: scaling_commands.metric_seen,
    f.HitPrior: faults.hit_prior,
    f.HitActive: faults.hit_active,
    f.HitRefused: faults.hit_refused,
    f.HitUndone: faults.hit_undone,
    f.HitStuck: faults.hit_stuck,
    m.StartTasks: intents.start_tasks,
    m.StopTasks: rollout.stop_tasks,
    r.StopUnhealthy: rollout.stop_unhealthy,
    r.MarkHealthy: rollout.mark_healthy,
    r.MarkUnhealthy: rollout.mark_unhealthy,
    r.FailDeployment: rollout.fail_deployment,
    r.TellStuck: rollout.tell_stuck,
    m.PrepareStandbys: intents.prepare_standbys,
    m.DiscardStandbys: intents.discard_standbys,
    m.FailTask: intents.fail_task,
    r.MarkRecovered: rollout.mark_recovered,
    r.MarkSteady: rollout.mark_steady,
    r.AdvanceShift: stages.advance_shift,
    r.EndPause: stages.end_pause,
    r.RetireDeployments: rollout.retire_deployments,
    m.DeactivateService: intents.deactivate_service,
    m.ForgetTask: intents.forget_task,
    m.ForgetService: intents.forget_service,
    m.ForgetCluster: intents.forget_cluster,
    m.StartContainer: intents.start_container,
    m.RestartContainer: restarts.send,
    m.SignalContainer: intents.signal_container,
    m.PauseContainer: intents.pause_container,
    m.ResumeContainer: intents.resume_container,
    m.RemoveContainer: intents.remove_container,
    m.RemoveNetwork: intents.remove_network,
    d.PublishNames: discovery.publish_names,
    b.TargetChecked: targets.target_checked,
    b.BalancerUp: targets.balancer_up,
    b.BalancerLost: targets.balancer_lost,
    b.RegisterTargets: targets.register_targets,
    b.DeregisterTargets: targets.deregister_targets,
    b.ForgetTargets: targets.forget_targets,
    b.RouteTraffic: targets.route_traffic,
    s.ScaleService: scaling_commands.scale_service,
    s.ForgetScaling: scaling_commands.forget_scaling,
    f.InjectHit: faults.inject_hit,
    f.UndoHit: faults.undo_hit,
    f.SettleHit: faults.settle_hit,
    f.ForgetFault: faults.forget_fault,
    x.ResolveTargets: experiments.resolve_targets,
    x.BeginAction: experiments.begin_action,
    x.EndAction: experiments.end_action,
    x.AbortExperiment: experiments.abort_experiment,
    x.EndExperiment: experiments.end_experiment,
    x.ForgetExperiment: experiments.forget_experiment,
    e.OpenInvocation: schedule_opening.open_invocation,
    e.InvokeTarget: scheduling.invoke_target,
    e.CompleteSchedule: scheduling.complete_schedule,
    e.EmptyScheduleGroup: scheduling.empty_group,
    e.ForgetScheduleGroup: scheduling.forget_group,
}


def apply(state: State, message: m.Message, now: float) -> tuple[m.Event, ...]:
    """Works one message into State and answers with the events it caused. Raises EcsError for a refused Command."""
    state.events = []
    _APPLIED_BY[type(message)](state, message, now)
    return tuple(state.events)
