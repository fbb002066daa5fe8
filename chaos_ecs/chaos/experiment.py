"""What is due in an experiment: resolve its targets, begin and end its actions, stop it. Reads State, changes nothing.

Level-triggered, as `core/plan.py`, beside which the controller asks it. Whatever an experiment has injected ends by
itself; here only its own progress is decided.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from random import Random

from chaos_ecs.chaos import designs
from chaos_ecs.chaos.aiming import Order, aimed, aimed_at
from chaos_ecs.chaos.alarms import alarm, why_in_alarm
from chaos_ecs.chaos.fault import Abilities, Ability, Fault, Scope
from chaos_ecs.chaos.instance_targets import at_instances, cluster_hit, elsewhere
from chaos_ecs.chaos.victims import Selection, candidates
from chaos_ecs.core.arns import cluster_arn, name_of, region_of, service_arn
from chaos_ecs.core.errors import EcsError
from chaos_ecs.core.experiment_messages import (
    AbortExperiment,
    BeginAction,
    EndAction,
    EndExperiment,
    ForgetExperiment,
    ResolveTargets,
)
from chaos_ecs.core.experimenting import (
    ActionRun,
    ActionStatus,
    Design,
    Experiment,
    ExperimentStatus,
    TargetSpec,
)
from chaos_ecs.core.fault_messages import InjectFault
from chaos_ecs.core.faulting import FaultStatus, InjectedFault
from chaos_ecs.core.model import Task
from chaos_ecs.core.state import State
from chaos_ecs.core.todo import Plan

WATCH_SECONDS = 0.5
"""How often stop conditions are looked at while an experiment runs."""

KEPT = 100
EMPTY = "Target resolution returned empty set"


def plan_experiments(state: State, touched: Iterable[str], now: float, todo: Plan) -> None:
    """Adds to the plan what is due in the experiments among the touched."""
    for experiment_id in touched:
        experiment = state.experiments.get(experiment_id)
        if experiment and not experiment.is_over:
            _plan(state, experiment, now, todo)
    ended = [found.id for found in state.experiments.values() if found.is_over] if len(state.experiments) > KEPT else []
    for experiment_id in ended[: max(0, len(state.experiments) - KEPT)]:
        todo.actions.append(ForgetExperiment(experiment_id, "it ended long ago"))


def _plan(state: State, experiment: Experiment, now: float, todo: Plan) -> None:
    if experiment.status is ExperimentStatus.STOPPING:
        _plan_stopping(state, experiment, todo)
        return
    if experiment.status is ExperimentStatus.INITIATING:
        _plan_targets(state, experiment, todo)
        return
    if why := _why_to_stop(state, experiment):
        cause = f"Experiment halted by stop condition. {why}"
        todo.actions.append(AbortExperiment(experiment.id, ExperimentStatus.STOPPED, cause))
        return
    if failed := next((run for run in experiment.actions if run.status is ActionStatus.FAILED), None):
        cause = f"Action {failed.name} failed: {failed.reason}"
        todo.actions.append(AbortExperiment(experiment.id, ExperimentStatus.FAILED, cause))
        return
    if all(run.is_over for run in experiment.actions):
        todo.actions.append(EndExperiment(experiment.id, ExperimentStatus.COMPLETED, "Experiment completed."))
        return
    for run in experiment.actions:
        if run.status is ActionStatus.PENDING and _may_begin(experiment, run):
            todo.actions.append(_begin(state, experiment, run, now))
        elif run.status is ActionStatus.RUNNING:
            _plan_running(state, experiment, run, now, todo)
    todo.look_again(experiment.id, now + WATCH_SECONDS)


def _plan_stopping(state: State, experiment: Experiment, todo: Plan) -> None:
    for run in experiment.actions:
        fault = state.faults.get(run.fault_id)
        if run.status is ActionStatus.STOPPING and (fault is None or fault.is_over):
            cause = "What it injected is undone." if fault else "Nothing was to be undone."
            todo.actions.append(EndAction(experiment.id, run.name, ActionStatus.STOPPED, cause))
    if all(run.is_over for run in experiment.actions):
        ends_as = experiment.ends_as or ExperimentStatus.STOPPED
        todo.actions.append(EndExperiment(experiment.id, ends_as, experiment.reason))


def _why_to_stop(state: State, experiment: Experiment) -> str:
    """What it hits is in some clusters; where it hits no task, its alarms are about any of its region."""
    hit = {state.tasks[arn].cluster_arn for _, arns in experiment.resolved for arn in arns if arn in state.tasks}
    hit |= {state.services[arn].cluster_arn for _, arns in experiment.resolved for arn in arns if arn in state.services}
    hit |= {cluster for _, arns in experiment.resolved for arn in arns if (cluster := cluster_hit(state, arn))}
    return why_alarmed(state, experiment.design, hit or clusters_in(state, region_of(experiment.arn)))


def why_alarmed(state: State, design: Design, clusters: Collection[str]) -> str:
    """Which of its stop conditions is met, and why; "" if none is."""
    for condition in design.stop_conditions:
        watched = alarm(condition.value) if condition.source != "none" else None
        if watched and (why := why_in_alarm(state, watched, clusters)):
            return f"Alarm {watched.name}: {why}."
    return ""


def clusters_in(state: State, region: str) -> tuple[str, ...]:
    return tuple(arn for arn in state.clusters if region_of(arn) == region)


# --- targets ---


def _plan_targets(state: State, experiment: Experiment, todo: Plan) -> None:
    resolved = tuple((target.name, _resolve(state, experiment, target)) for target in experiment.design.targets)
    if not experiment.design.skips_empty_targets and (empty := [name for name, found in resolved if not found]):
        cause = f"{EMPTY}: target {empty[0]}."
        todo.actions.append(AbortExperiment(experiment.id, ExperimentStatus.FAILED, cause))
        return
    todo.actions.append(ResolveTargets(experiment.id, resolved, "it begins"))


def _resolve(state: State, experiment: Experiment, target: TargetSpec) -> tuple[str, ...]:
    """ARNs, in order of creation. FIS user guide, "Targets": picked once, at the beginning; PERCENT is rounded down."""
    region = region_of(experiment.arn)
    said = dict(target.parameters)
    cluster = cluster_arn(region, name_of(f"/{said['cluster']}")) if "cluster" in said else ""
    service = service_arn(cluster, name_of(f"/{said['service']}")) if "service" in said else ""
    if target.resource_type == designs.SERVICE:
        return (service,) if service in state.services else ()
    if target.resource_type != designs.TASK:
        return _drawn(experiment, target, elsewhere(state, region, cluster, target))
    found = [task for task in _candidates(state, region, cluster, target) if service in ("", task.service_arn)]
    return _drawn(experiment, target, [task.arn for task in found if designs.passes(task, target)])


def _drawn(experiment: Experiment, target: TargetSpec, found: Sequence[str]) -> tuple[str, ...]:
    """As many of these, which are in order of creation, as its selection mode says."""
    selected = designs.selection(target.selection_mode)
    count = selected.count if selected.percent is None else len(found) * selected.percent // 100
    if count is not None and count < len(found):
        rng = Random(f"{experiment.seed}/{target.name}")
        return tuple(found[at] for at in sorted(rng.sample(range(len(found)), count)))
    return tuple(found)


def _candidates(state: State, region: str, cluster: str, target: TargetSpec) -> list[Task]:
    if target.resource_arns:
        named = [state.tasks[arn] for arn in target.resource_arns if arn in state.tasks]
        return candidates([task for task in named if region_of(task.arn) == region])
    if cluster:
        return candidates(state.tasks_in(cluster))
    return candidates([task for task in state.tasks.values() if region_of(task.arn) == region])


# --- actions ---


def _may_begin(experiment: Experiment, run: ActionRun) -> bool:
    before = experiment.spec(run.name).start_after
    return all(experiment.run(name).status in (ActionStatus.COMPLETED, ActionStatus.SKIPPED) for name in before)


def _begin(state: State, experiment: Experiment, run: ActionRun, now: float) -> BeginAction | EndAction:
    try:
        fault = designs.fault_of(experiment.spec(run.name))
        if fault.scope is Scope.NOTHING:
            return BeginAction(experiment.id, run.name, None, "its time has come")
        wanted = _resolved(experiment, run)
        if not wanted and fault.scope is not Scope.CONTROL_PLANE:
            return EndAction(experiment.id, run.name, ActionStatus.SKIPPED, EMPTY)
        return BeginAction(
            experiment.id, run.name, _command(state, experiment, fault, wanted, now), "its time has come"
        )
    except EcsError as refusal:
        return EndAction(experiment.id, run.name, ActionStatus.FAILED, refusal.message)


def _resolved(experiment: Experiment, run: ActionRun) -> tuple[str, ...]:
    resolved = dict(experiment.resolved)
    return tuple(arn for _, name in experiment.spec(run.name).targets for arn in resolved[name])


def _command(state: State, experiment: Experiment, fault: Fault, wanted: tuple[str, ...], now: float) -> InjectFault:
    """An experiment is explicit: nobody is spared (decision 063)."""
    order = Order(
        fault=fault,
        cluster_arn=_cluster_of(state, experiment, wanted),
        selection=Selection(service_arn=wanted[0] if fault.scope is Scope.SERVICE else None),
        forced=True,
        seed=experiment.seed,
        experiment=experiment.id,
        abilities=_abilities(experiment),
    )
    if fault.fis_targets and wanted[0] not in state.tasks:
        return at_instances(state, order, wanted, Random(experiment.seed), now)
    if fault.scope is not Scope.TASKS:
        return aimed(state, order, Random(experiment.seed), now)
    running = candidates([state.tasks[arn] for arn in wanted if arn in state.tasks])
    if not running:
        raise _nobody_left(len(wanted))
    return aimed_at(state, order, running)


def _nobody_left(count: int) -> EcsError:
    which = "the task it was aimed at has" if count == 1 else f"all {count} tasks it was aimed at have"
    return EcsError(f"{which} ended meanwhile: targets are picked once, when an experiment begins")


def _cluster_of(state: State, experiment: Experiment, wanted: tuple[str, ...]) -> str:
    """That of the first that is left; else any of its region will do."""
    for arn in wanted:
        if found := state.tasks.get(arn) or state.services.get(arn):
            return found.cluster_arn
        if cluster := cluster_hit(state, arn):
            return cluster
    here = clusters_in(state, region_of(experiment.arn))
    return here[0] if here else cluster_arn(region_of(experiment.arn), "default")


def _abilities(experiment: Experiment) -> Abilities:
    found = dict(experiment.abilities)
    return {ability: found.get(ability.value, "") for ability in Ability}


def _plan_running(state: State, experiment: Experiment, run: ActionRun, now: float, todo: Plan) -> None:
    fault = state.faults.get(run.fault_id)
    if fault is None:
        seconds = designs.fault_of(experiment.spec(run.name)).seconds
        ends_at = (run.started_at or now) + seconds
        if now >= ends_at:
            todo.actions.append(EndAction(experiment.id, run.name, ActionStatus.COMPLETED, "Action was completed."))
        else:
            todo.look_again(experiment.id, ends_at)
    elif fault.is_over:
        todo.actions.append(_ended(experiment, run, fault))


def _ended(experiment: Experiment, run: ActionRun, fault: InjectedFault) -> EndAction:
    """What could not be proven has failed: an experiment must not be green though nothing happened."""
    if fault.status is FaultStatus.COMPLETED:
        return EndAction(experiment.id, run.name, ActionStatus.COMPLETED, "Action was completed.")
    reasons = "; ".join(dict.fromkeys(hit.reason for hit in fault.hits if not hit.is_proven))
    return EndAction(experiment.id, run.name, ActionStatus.FAILED, f"inconclusive: {reasons}")
