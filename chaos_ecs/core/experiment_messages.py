"""What crosses the border of the core about experiments; families as in `messages.py`, which takes them up."""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.core.experimenting import ActionStatus, Design, ExperimentStatus, Pairs
from chaos_ecs.core.fault_messages import InjectFault

# --- Commands ---


@dataclass(frozen=True, slots=True)
class CreateExperimentTemplate:
    region: str
    design: Design
    tags: Pairs = ()
    client_token: str = ""


@dataclass(frozen=True, slots=True)
class UpdateExperimentTemplate:
    """Running experiments keep what they began with."""

    id: str
    design: Design


@dataclass(frozen=True, slots=True)
class DeleteExperimentTemplate:
    id: str


@dataclass(frozen=True, slots=True)
class StartExperiment:
    template_id: str
    seed: int
    abilities: Pairs = ()
    skips_actions: bool = False
    tags: Pairs = ()
    client_token: str = ""


@dataclass(frozen=True, slots=True)
class StopExperiment:
    id: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SetSafetyLever:
    """Engaged, it stops every experiment and undoes every fault, and nothing more is injected."""

    region: str
    engaged: bool
    reason: str


@dataclass(frozen=True, slots=True)
class TagExperiment:
    """Of a template or an experiment, by ARN: `added` take the place of others of the same key."""

    arn: str
    added: Pairs = ()
    removed: tuple[str, ...] = ()


ExperimentCommand = (
    CreateExperimentTemplate
    | UpdateExperimentTemplate
    | DeleteExperimentTemplate
    | StartExperiment
    | StopExperiment
    | SetSafetyLever
    | TagExperiment
)

# --- Actions ---


@dataclass(frozen=True, slots=True)
class ResolveTargets:
    """Intent: these resources are the experiment's targets, and it begins."""

    experiment_id: str
    resolved: tuple[tuple[str, tuple[str, ...]], ...]
    cause: str


@dataclass(frozen=True, slots=True)
class BeginAction:
    """Intent: an action whose time has come. Without a fault it only takes its time."""

    experiment_id: str
    name: str
    fault: InjectFault | None
    cause: str


@dataclass(frozen=True, slots=True)
class EndAction:
    """Intent: what became of an action."""

    experiment_id: str
    name: str
    status: ActionStatus
    cause: str


@dataclass(frozen=True, slots=True)
class AbortExperiment:
    """Intent: the experiment is stopped before its end; what it has injected is undone. `status` is what it will be."""

    experiment_id: str
    status: ExperimentStatus
    cause: str


@dataclass(frozen=True, slots=True)
class EndExperiment:
    """Intent: nothing of it is left to do or undo."""

    experiment_id: str
    status: ExperimentStatus
    cause: str


@dataclass(frozen=True, slots=True)
class ForgetExperiment:
    """Intent: one that ended long ago leaves the record."""

    experiment_id: str
    cause: str


ExperimentIntent = ResolveTargets | BeginAction | EndAction | AbortExperiment | EndExperiment | ForgetExperiment
