"""What `plan` answers with: actions, and when to look again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from chaos_ecs.core.arns import name_of, short
from chaos_ecs.core.balancing_messages import DeregisterTargets, ForgetTargets, RegisterTargets, RouteTraffic
from chaos_ecs.core.container_instances import Needs
from chaos_ecs.core.experiment_messages import (
    AbortExperiment,
    BeginAction,
    EndAction,
    EndExperiment,
    ForgetExperiment,
    ResolveTargets,
)
from chaos_ecs.core.fault_messages import AdvanceHit, ForgetFault, InjectHit, SettleHit, UndoHit
from chaos_ecs.core.instance_messages import (
    ForgetContainerInstance,
    LeaveEngine,
    LoseContainerInstance,
    TellUnplaced,
    UseEngine,
)
from chaos_ecs.core.messages import (
    Action,
    DiscardStandbys,
    FailTask,
    ForgetCluster,
    ForgetTask,
    PauseContainer,
    PrepareStandbys,
    RemoveContainer,
    RemoveNetwork,
    RestartContainer,
    ResumeContainer,
    SignalContainer,
    StartContainer,
    StartTasks,
    StopTasks,
)
from chaos_ecs.core.model import Service
from chaos_ecs.core.rollout_messages import MarkHealthy, MarkUnhealthy, StopUnhealthy
from chaos_ecs.core.rooms import PlacedTask
from chaos_ecs.core.schedule_messages import (
    CompleteSchedule,
    EmptyScheduleGroup,
    ForgetScheduleGroup,
    InvokeTarget,
    OpenInvocation,
)


@dataclass(slots=True)
class Plan:
    actions: list[Action] = field(default_factory=list)
    placed: dict[str, list[PlacedTask]] = field(default_factory=dict)  # by cluster: given a place in this very plan
    due: dict[str, float] = field(default_factory=dict)  # ARN -> when to look at it again though nothing touches it

    def look_again(self, arn: str, at: float) -> None:
        self.due[arn] = min(at, self.due.get(arn, at))

    def note_placed(self, service: Service, needs: Needs, instance_arns: Iterable[str]) -> None:
        """Whoever is planned after it finds so much less room there."""
        placed = self.placed.setdefault(service.cluster_arn, [])
        for arn in instance_arns:
            if arn:
                placed.append(PlacedTask(f"{service.arn}#{len(placed)}", arn, f"service:{service.name}", needs))

    def __str__(self) -> str:
        """One line an action, as tests and people read it: `StartTasks web 1: desired 3, wanted 2`."""
        return "\n".join(_line(action) for action in self.actions)


def _line(action: Action) -> str:
    return f"{type(action).__name__} {_subject(action)}: {action.cause}"


def _subject(action: Action) -> str:  # noqa: C901, PLR0912 - a table, and mypy follows it
    match action:
        case StartTasks() | PrepareStandbys():
            said = f"{name_of(action.service_arn)} {action.count}"
        case (
            StopTasks() | DiscardStandbys() | MarkHealthy() | MarkUnhealthy() | RegisterTargets() | DeregisterTargets()
        ):
            said = f"{name_of(action.service_arn)} {len(action.task_arns)}"
        case StartContainer():
            said = f"{short(action.task.arn)}/{action.definition.name}"
        case SignalContainer():
            said = f"{short(action.task_arn)}/{action.name} {action.signal or 'stop signal'}"
        case RestartContainer() | PauseContainer() | ResumeContainer() | RemoveContainer():
            said = f"{short(action.task_arn)}/{action.name}" if action.task_arn else action.runtime_id[:12]
        case FailTask() | ForgetTask() | StopUnhealthy():
            said = short(action.task_arn)
        case RemoveNetwork() | ForgetCluster():
            said = name_of(action.cluster_arn)
        case ForgetTargets():
            said = str(len(action.keys))
        case TellUnplaced():
            said = name_of(action.service_arn)
        case LoseContainerInstance() | ForgetContainerInstance():
            said = name_of(action.arn)
        case UseEngine() | LeaveEngine():
            said = action.engine
        case RouteTraffic():
            said = f"{len(action.routing.listeners)} listeners"
        case InjectHit() | UndoHit() | SettleHit() | AdvanceHit() | ForgetFault():
            said = action.fault_id
        case ResolveTargets() | AbortExperiment() | EndExperiment() | ForgetExperiment():
            said = action.experiment_id
        case BeginAction() | EndAction():
            said = f"{action.experiment_id} {action.name}"
        case OpenInvocation() | CompleteSchedule():
            said = name_of(action.schedule_arn)
        case InvokeTarget():
            said = name_of(action.key)
        case EmptyScheduleGroup() | ForgetScheduleGroup():
            said = name_of(action.group_arn)
        case _:
            said = name_of(action.service_arn)
    return said
