"""The nouns of experiments, as AWS FIS has them: templates, experiments, actions, the safety lever. Frozen.

Never here: what is due in an experiment (`chaos/experiment.py`) and what follows from it (`experiments.py`). Times are
seconds since the epoch; enum values are spelled as on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Pairs = tuple[tuple[str, str], ...]


class ExperimentStatus(StrEnum):
    """API_ExperimentState.status."""

    PENDING = "pending"
    INITIATING = "initiating"
    RUNNING = "running"
    COMPLETED = "completed"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ActionStatus(StrEnum):
    """API_ExperimentActionState.status."""

    PENDING = "pending"
    INITIATING = "initiating"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    SKIPPED = "skipped"


OVER = (ExperimentStatus.COMPLETED, ExperimentStatus.STOPPED, ExperimentStatus.FAILED, ExperimentStatus.CANCELLED)
ACTION_OVER = (
    ActionStatus.COMPLETED,
    ActionStatus.CANCELLED,
    ActionStatus.STOPPED,
    ActionStatus.FAILED,
    ActionStatus.SKIPPED,
)


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """API_ExperimentTemplateTarget: which resources an action is run on."""

    name: str
    resource_type: str
    selection_mode: str  # ALL, COUNT(n), PERCENT(n)
    resource_arns: tuple[str, ...] = ()
    resource_tags: Pairs = ()
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()  # path, values
    parameters: Pairs = ()


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """API_ExperimentTemplateAction."""

    name: str
    action_id: str
    description: str = ""
    parameters: Pairs = ()
    targets: Pairs = ()  # such as Tasks -> the name of a TargetSpec
    start_after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StopCondition:
    """API_ExperimentTemplateStopCondition: `none`, or an alarm's ARN."""

    source: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Design:
    """What a template says, and its experiments keep as it was when they began."""

    description: str
    targets: tuple[TargetSpec, ...]
    actions: tuple[ActionSpec, ...]
    stop_conditions: tuple[StopCondition, ...]
    role_arn: str = ""
    skips_empty_targets: bool = False  # emptyTargetResolutionMode
    registered: str = "{}"  # members that are stored and told, JSON: logConfiguration and the like


@dataclass(frozen=True, slots=True)
class ExperimentTemplate:
    id: str
    arn: str
    design: Design
    created_at: float
    updated_at: float
    number: int
    tags: Pairs = ()
    client_token: str = ""

    @property
    def key(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class ActionRun:
    """One action of an experiment: `fault_id` is what it has injected."""

    name: str
    status: ActionStatus = ActionStatus.PENDING
    reason: str = ""
    fault_id: str = ""
    started_at: float | None = None
    ended_at: float | None = None

    @property
    def is_over(self) -> bool:
        return self.status in ACTION_OVER


@dataclass(frozen=True, slots=True)
class Experiment:
    """`resolved` are the ARNs of each target, picked once, when it began (FIS user guide, "Targets")."""

    id: str
    arn: str
    template_id: str
    design: Design
    actions: tuple[ActionRun, ...]
    created_at: float
    number: int
    seed: int
    status: ExperimentStatus = ExperimentStatus.PENDING
    reason: str = ""
    ends_as: ExperimentStatus | None = None  # what it will be once what runs is undone
    resolved: tuple[tuple[str, tuple[str, ...]], ...] = ()
    abilities: Pairs = ()  # what the engine could do when it began, as `Runtime.abilities` has it
    skips_actions: bool = False  # actionsMode skip-all: targets are resolved, and nobody is hurt
    tags: Pairs = ()
    client_token: str = ""
    started_at: float | None = None
    ended_at: float | None = None

    @property
    def key(self) -> str:
        return self.id

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    def spec(self, name: str) -> ActionSpec:
        return next(action for action in self.design.actions if action.name == name)

    def run(self, name: str) -> ActionRun:
        return next(action for action in self.actions if action.name == name)


@dataclass(frozen=True, slots=True)
class SafetyLever:
    """API_SafetyLever: while it is engaged no experiment runs, and here nothing at all is injected."""

    region: str
    engaged: bool
    reason: str = ""

    @property
    def key(self) -> str:
        return self.region
