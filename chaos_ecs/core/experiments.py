"""`apply` for experiments: templates, their runs, the safety lever. What is due next is in `chaos/experiment.py`.

Sources: the FIS API reference's page of each operation; FIS user guide, "Safety levers".
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core import arns, faults
from chaos_ecs.core.errors import ConflictException, EcsError, ResourceNotFoundException, ValidationException
from chaos_ecs.core.experiment_messages import (
    AbortExperiment,
    BeginAction,
    CreateExperimentTemplate,
    DeleteExperimentTemplate,
    EndAction,
    EndExperiment,
    ForgetExperiment,
    ResolveTargets,
    SetSafetyLever,
    StartExperiment,
    StopExperiment,
    TagExperiment,
    UpdateExperimentTemplate,
)
from chaos_ecs.core.experimenting import (
    ActionRun,
    ActionStatus,
    Experiment,
    ExperimentStatus,
    ExperimentTemplate,
    Pairs,
    SafetyLever,
)
from chaos_ecs.core.fault_messages import UndoFaults
from chaos_ecs.core.messages import EventType
from chaos_ecs.core.state import State

TAGS_LIMIT = 50


# --- Commands ---


def create_template(state: State, command: CreateExperimentTemplate, now: float) -> None:
    """A client token that was used before answers with its template (API_CreateExperimentTemplate)."""
    if template_of_token(state, command.region, command.client_token):
        return
    id_ = f"EXT{state.new_id()[:17]}"
    arn = arns.fis_arn(command.region, "experiment-template", id_)
    number = state.next_number("experiment")
    template = ExperimentTemplate(id_, arn, command.design, now, now, number, command.tags, command.client_token)
    state.put(template)


def template_of_token(state: State, region: str, token: str) -> ExperimentTemplate | None:
    found = (item for item in state.experiment_templates.values() if token and item.client_token == token)
    return next((item for item in found if arns.region_of(item.arn) == region), None)


def update_template(state: State, command: UpdateExperimentTemplate, now: float) -> None:
    template = known_template(state, command.id)
    state.put(replace(template, design=command.design, updated_at=now))


def delete_template(state: State, command: DeleteExperimentTemplate, now: float) -> None:
    state.drop(known_template(state, command.id))


def start_experiment(state: State, command: StartExperiment, now: float) -> None:
    template = known_template(state, command.template_id)
    if experiment_of_token(state, command.template_id, command.client_token):
        return
    lever = lever_of(state, arns.region_of(template.arn))
    if lever.engaged:
        raise ConflictException(f"The safety lever is engaged: {lever.reason}")
    id_ = f"EXP{state.new_id()[:17]}"
    experiment = Experiment(
        id=id_,
        arn=arns.fis_arn(arns.region_of(template.arn), "experiment", id_),
        template_id=template.id,
        design=template.design,
        actions=tuple(ActionRun(action.name) for action in template.design.actions),
        created_at=now,
        number=state.next_number("experiment"),
        seed=command.seed,
        abilities=command.abilities,
        skips_actions=command.skips_actions,
        tags=command.tags,
        client_token=command.client_token,
        started_at=now,
        status=ExperimentStatus.INITIATING,
    )
    state.put(experiment)
    _tell(state, experiment, now, EventType.EXPERIMENT_STARTED, f"experiment {id_}: {template.design.description}")


def experiment_of_token(state: State, template_id: str, token: str) -> Experiment | None:
    found = (item for item in state.experiments.values() if token and item.client_token == token)
    return next((item for item in found if item.template_id == template_id), None)


def stop_experiment(state: State, command: StopExperiment, now: float) -> None:
    """One that is over stays as it is: tools stop whatever has their tag."""
    experiment = known_experiment(state, command.id)
    if experiment.is_over:
        return
    reason = command.reason or "Experiment stopped by user."
    _abort(state, experiment, ExperimentStatus.STOPPED, reason, now)


def set_safety_lever(state: State, command: SetSafetyLever, now: float) -> None:
    state.put(SafetyLever(command.region, command.engaged, command.reason))
    word = "engaged" if command.engaged else "disengaged"
    state.emit(now, EventType.SAFETY_LEVER_CHANGED, f"the safety lever is {word}: {command.reason}", status=word)
    if not command.engaged:
        return
    for experiment in list(state.experiments.values()):
        if not experiment.is_over and arns.region_of(experiment.arn) == command.region:
            _abort(state, experiment, ExperimentStatus.STOPPED, "Experiment stopped by the safety lever.", now)
    open_ones = [fault for fault in state.faults.values() if not fault.is_over]
    here = tuple(fault.id for fault in open_ones if arns.region_of(fault.cluster_arn) == command.region)
    faults.undo_faults(state, UndoFaults(here), now)


def lever_of(state: State, region: str) -> SafetyLever:
    return state.safety_levers.get(region, SafetyLever(region, engaged=False))


def tag_experiment(state: State, command: TagExperiment, now: float) -> None:
    found = tagged(state, command.arn)
    tags = {key: value for key, value in found.tags if key not in command.removed} | dict(command.added)
    if len(tags) > TAGS_LIMIT:
        raise ValidationException(f"A resource has at most {TAGS_LIMIT} tags.")
    pairs: Pairs = tuple(tags.items())
    state.put(replace(found, tags=pairs))


def tagged(state: State, arn: str) -> ExperimentTemplate | Experiment:
    """The template or experiment of this ARN."""
    everything: list[ExperimentTemplate | Experiment] = [*state.experiment_templates.values()]
    for found in [*everything, *state.experiments.values()]:
        if found.arn == arn:
            return found
    raise ResourceNotFoundException(f"The resource {arn} was not found.")


def known_template(state: State, id_: str) -> ExperimentTemplate:
    template = state.experiment_templates.get(id_)
    if template is None:
        raise ResourceNotFoundException(f"The experiment template {id_} was not found.")
    return template


def known_experiment(state: State, id_: str) -> Experiment:
    experiment = state.experiments.get(id_)
    if experiment is None:
        raise ResourceNotFoundException(f"The experiment {id_} was not found.")
    return experiment


# --- Actions ---


def resolve_targets(state: State, intent: ResolveTargets, now: float) -> None:
    experiment = state.experiments[intent.experiment_id]
    running = replace(experiment, resolved=intent.resolved, status=ExperimentStatus.RUNNING)
    if experiment.skips_actions:
        skipped = tuple(
            replace(run, status=ActionStatus.SKIPPED, reason="The actions mode is skip-all.") for run in running.actions
        )
        running = replace(running, actions=skipped)
    state.put(running)


def begin_action(state: State, intent: BeginAction, now: float) -> None:
    """What is refused now (its victims have ended meanwhile) fails the action, not the controller."""
    experiment = state.experiments[intent.experiment_id]
    begun = replace(experiment.run(intent.name), status=ActionStatus.RUNNING, started_at=now)
    if intent.fault is not None:
        known = set(state.faults)
        try:
            faults.inject_fault(state, intent.fault, now)
        except EcsError as refusal:
            begun = replace(begun, status=ActionStatus.FAILED, reason=refusal.message, ended_at=now)
        else:
            begun = replace(begun, fault_id=next(fault_id for fault_id in state.faults if fault_id not in known))
    _put_run(state, experiment.id, begun)
    message = f"action {intent.name} of {experiment.id} begins"
    if begun.reason:
        message = f"action {intent.name} of {experiment.id} failed: {begun.reason}"
    _tell(state, experiment, now, EventType.EXPERIMENT_ACTION, message, action=intent.name, status=begun.status)


def end_action(state: State, intent: EndAction, now: float) -> None:
    experiment = state.experiments[intent.experiment_id]
    run = replace(experiment.run(intent.name), status=intent.status, reason=intent.cause, ended_at=now)
    _put_run(state, experiment.id, run)
    message = f"action {intent.name} of {experiment.id} is {intent.status}: {intent.cause}"
    _tell(state, experiment, now, EventType.EXPERIMENT_ACTION, message, action=intent.name, status=intent.status)


def abort_experiment(state: State, intent: AbortExperiment, now: float) -> None:
    _abort(state, state.experiments[intent.experiment_id], intent.status, intent.cause, now)


def end_experiment(state: State, intent: EndExperiment, now: float) -> None:
    experiment = state.experiments[intent.experiment_id]
    ended = replace(experiment, status=intent.status, reason=intent.cause, ended_at=now)
    state.put(ended)
    message = f"experiment {experiment.id} is {intent.status}: {intent.cause}"
    _tell(state, experiment, now, EventType.EXPERIMENT_ENDED, message, status=intent.status, reason=intent.cause)


def forget_experiment(state: State, intent: ForgetExperiment, now: float) -> None:
    state.drop(state.experiments[intent.experiment_id])


# --- parts ---


def _abort(state: State, experiment: Experiment, status: ExperimentStatus, reason: str, now: float) -> None:
    """Pending actions are cancelled, and what runs is undone; the plan ends it when all of that is over."""
    if experiment.status is ExperimentStatus.STOPPING:
        return
    runs = tuple(_aborted(run, now) for run in experiment.actions)
    stopping = replace(experiment, status=ExperimentStatus.STOPPING, ends_as=status, reason=reason, actions=runs)
    state.put(stopping)
    open_ones = tuple(
        run.fault_id for run in runs if run.fault_id in state.faults and not state.faults[run.fault_id].is_over
    )
    faults.undo_faults(state, UndoFaults(open_ones), now)


def _aborted(run: ActionRun, now: float) -> ActionRun:
    if run.is_over:
        return run
    if run.status is ActionStatus.PENDING:
        return replace(run, status=ActionStatus.CANCELLED, reason="The experiment was stopped.", ended_at=now)
    return replace(run, status=ActionStatus.STOPPING)


def _put_run(state: State, experiment_id: str, run: ActionRun) -> None:
    experiment = state.experiments[experiment_id]
    runs = tuple(run if other.name == run.name else other for other in experiment.actions)
    state.put(replace(experiment, actions=runs))


def _tell(state: State, experiment: Experiment, now: float, type_: EventType, message: str, **data: str) -> None:
    state.emit(now, type_, message, experiment=experiment.id, template=experiment.template_id, **data)
