"""What is due in a fault of a container instance: its notice is over, its effect shows, its time is over.

A part of `fault_plan`: reads State, changes nothing.
"""

from __future__ import annotations

from chaos_ecs.core.backoff import was_set_back
from chaos_ecs.core.container_instances import ContainerInstance, ContainerInstanceStatus
from chaos_ecs.core.fault_messages import AdvanceHit, SettleHit
from chaos_ecs.core.faulting import DRAIN, Hit, HitStatus, InjectedFault, notice_of
from chaos_ecs.core.instance_faults import GONE, all_over, drained, lost
from chaos_ecs.core.state import State
from chaos_ecs.core.todo import Plan

DEAD_WITHIN_SECONDS = 90.0
"""SIGKILL takes a moment; a task whose image was on its way is there only when that has come."""


def plan_instance_hit(state: State, fault: InjectedFault, hit: Hit, now: float, todo: Plan) -> None:
    instance = state.container_instances.get(hit.instance_arn)
    if instance is None or instance.status is ContainerInstanceStatus.INACTIVE:
        todo.actions.append(SettleHit(fault.id, hit.index, GONE, reason="" if hit.is_proven else GONE))
    elif fault.undo_asked_at is not None:
        todo.actions.append(SettleHit(fault.id, hit.index, "somebody asked for it"))
    elif hit.status is HitStatus.INJECTING:
        _plan_effect(state, instance, hit, now, todo)
    elif now >= (ends_at := fault.ends_at(hit) or now) or was_set_back(hit.active_at or now, now):
        todo.actions.append(SettleHit(fault.id, hit.index, f"its {fault.seconds:g} s are over"))
    else:
        todo.look_again(fault.id, ends_at)
        if hit.recipe.do[0] == DRAIN and (proof := drained(state, hit)) != hit.proof:
            todo.actions.append(SettleHit(fault.id, hit.index, "tasks have moved", proof=proof, ends=False))


def _plan_effect(state: State, instance: ContainerInstance, hit: Hit, now: float, todo: Plan) -> None:
    """Without power, and all that ran there over."""
    sent_at = now if hit.sent_at is None else hit.sent_at
    notice = notice_of(hit.recipe) or 0.0
    if hit.recipe.do[0] == DRAIN:
        todo.actions.append(SettleHit(hit.fault_id, hit.index, "it drains", proof=drained(state, hit), ends=False))
    elif not instance.is_off:
        if now >= sent_at + notice or was_set_back(sent_at, now):
            todo.actions.append(AdvanceHit(hit.fault_id, hit.index, f"its notice of {notice:g} s is over"))
        else:
            todo.look_again(hit.fault_id, sent_at + notice)
    elif all_over(state, hit):
        proof = lost(instance, hit)
        todo.actions.append(SettleHit(hit.fault_id, hit.index, "its tasks have ended", proof=proof, ends=False))
    elif now >= sent_at + notice + DEAD_WITHIN_SECONDS:
        reason = f"not all of its tasks have ended {DEAD_WITHIN_SECONDS:.0f} s after its power went off"
        todo.actions.append(SettleHit(hit.fault_id, hit.index, reason, reason=reason))
    else:
        todo.look_again(hit.fault_id, sent_at + notice + DEAD_WITHIN_SECONDS)
