"""Faults of the control plane: the scheduler cut off from its tasks, an API that answers with errors, deployments that
cannot work. No container is touched; `core/control_faults.py` carries them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos_ecs.chaos.fault import Fault, Scope, Victim, duration, number, text
from chaos_ecs.core.faulting import DEPLOY, HOLD, BrokenAnswer
from chaos_ecs.core.recipe import Means, Recipe


@dataclass(frozen=True, kw_only=True)
class AgentDisconnect(Fault):
    """The scheduler hears and decides nothing: what dies stays dead until it is over."""

    name = "agent-disconnect"
    action_id = "chaos-ecs:agent-disconnect"
    scope = Scope.CONTROL_PLANE

    duration: float = duration()

    def describe(self) -> str:
        return f"cuts the scheduler off from its tasks for {self.seconds:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        return Recipe(Means.CONTROL, do=(HOLD,))


@dataclass(frozen=True, kw_only=True)
class ApiFault(Fault):
    """What the three have in common: which calls are answered with the error of the class."""

    scope = Scope.CONTROL_PLANE
    error: ClassVar[str]

    duration: float = duration()
    service: str = text("Whose calls.", default="ecs", choices=("ecs", "elasticloadbalancing"))
    percentage: int = number("Of the calls, in percent.", default=100, least=1, most=100)
    operations: str = text("Only these operations, separated by commas; all if none is named.", default="")

    @property
    def named_operations(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.operations.split(",") if name.strip())

    def describe(self) -> str:
        what = self.operations or "every operation"
        return f"answers {self.percentage} % of the calls of {what} of {self.service} with {self.error}"

    def recipe(self, victim: Victim) -> Recipe:
        answer = BrokenAnswer(self.error, self.service, self.percentage, self.named_operations)
        return Recipe(Means.CONTROL, do=answer.settings)


@dataclass(frozen=True, kw_only=True)
class ApiThrottle(ApiFault):
    """The API says that it is asked too often; a good client waits and asks again."""

    name = "api-throttle"
    action_id = "aws:fis:inject-api-throttle-error"
    error = "ThrottlingException"


@dataclass(frozen=True, kw_only=True)
class ApiError(ApiFault):
    """The API says that it has met an error of its own."""

    name = "api-error"
    action_id = "aws:fis:inject-api-internal-error"
    error = "InternalError"


@dataclass(frozen=True, kw_only=True)
class ApiUnavailable(ApiFault):
    """The API says that it is not available."""

    name = "api-unavailable"
    action_id = "aws:fis:inject-api-unavailable-error"
    error = "ServiceUnavailable"


@dataclass(frozen=True, kw_only=True)
class DeployFault(Fault):
    """What the three have in common: a revision that cannot work, and back to the one before."""

    scope = Scope.SERVICE
    what: ClassVar[str]

    duration: float = duration(60.0)

    def recipe(self, victim: Victim) -> Recipe:
        return Recipe(Means.CONTROL, do=(DEPLOY, self.what))


@dataclass(frozen=True, kw_only=True)
class ImagePullFailure(DeployFault):
    """A deployment whose image cannot be had: its tasks never start."""

    name = "image-pull-failure"
    action_id = "chaos-ecs:deploy-image-pull-failure"
    what = "image"

    def describe(self) -> str:
        return "deploys a revision whose image does not exist"


@dataclass(frozen=True, kw_only=True)
class CrashLoop(DeployFault):
    """A deployment whose tasks start and end a second later."""

    name = "crash-loop"
    action_id = "chaos-ecs:deploy-crash-loop"
    what = "crash"

    def describe(self) -> str:
        return "deploys a revision that ends with exit code 1 after a second"


@dataclass(frozen=True, kw_only=True)
class FailingHealthCheck(DeployFault):
    """A deployment whose container health check always fails."""

    name = "failing-health-check"
    action_id = "chaos-ecs:deploy-failing-health-check"
    what = "health"

    def describe(self) -> str:
        return "deploys a revision whose container health check always fails"
