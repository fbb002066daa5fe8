"""How a deployment moves traffic, on the wire: the members of deploymentConfiguration for strategy, bake times, hooks.

What must be there for a strategy besides (load balancers, rules) is checked in `core/service_checks.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chaos_ecs.core.deploying import (
    DeploymentConfiguration,
    DeploymentStrategy,
    HookAction,
    LifecycleHook,
    LifecycleStage,
)
from chaos_ecs.core.errors import InvalidParameterException, UnsupportedFeatureException

LONGEST_BAKE = 1440
"""Minutes: 24 hours (API_LinearConfiguration, API_CanaryConfiguration)."""

NO_PAUSE_AT = (LifecycleStage.TEST_TRAFFIC_SHIFT, LifecycleStage.PRODUCTION_TRAFFIC_SHIFT)
"""API_DeploymentLifecycleHook.lifecycleStages: these two are for functions alone."""

STRATEGY_MEMBERS = frozenset(
    {"strategy", "bakeTimeInMinutes", "linearConfiguration", "canaryConfiguration", "lifecycleHooks"}
)

_Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Steps:
    """How a strategy that moves traffic in steps is told: the members, ECS's defaults, and the lowest percentage."""

    member: str
    percent: str
    minutes: str
    usual_percent: float
    usual_minutes: int
    lowest: float


STEPS: Mapping[DeploymentStrategy, Steps] = {
    DeploymentStrategy.LINEAR: Steps("linearConfiguration", "stepPercent", "stepBakeTimeInMinutes", 10.0, 6, 3.0),
    DeploymentStrategy.CANARY: Steps("canaryConfiguration", "canaryPercent", "canaryBakeTimeInMinutes", 5.0, 10, 0.1),
}


def with_strategy(said: _Params, known: DeploymentConfiguration) -> DeploymentConfiguration:
    """What is said, over what is known. Raises InvalidParameterException for what ECS refuses."""
    strategy = DeploymentStrategy(said.get("strategy", known.strategy))
    for other, steps in STEPS.items():
        if steps.member in said and other is not strategy:
            raise InvalidParameterException(
                f"{steps.member} is only valid when the deployment strategy is {other}, not {strategy}."
            )
    bake = said.get("bakeTimeInMinutes", known.bake_minutes)
    _check_minutes("bakeTimeInMinutes", bake)
    hooks = _hooks(said["lifecycleHooks"]) if "lifecycleHooks" in said else known.hooks
    if said.get("lifecycleHooks") and strategy is DeploymentStrategy.ROLLING:
        raise UnsupportedFeatureException("Lifecycle hooks of a ROLLING deployment are not supported by chaos-ecs yet.")
    configuration = replace(known, strategy=strategy, bake_minutes=bake, hooks=hooks)
    return _with_steps(configuration, said, is_same=strategy is known.strategy)


def _with_steps(configuration: DeploymentConfiguration, said: _Params, *, is_same: bool) -> DeploymentConfiguration:
    """Said as a whole, like the circuit breaker; another strategy begins with its defaults."""
    steps = STEPS.get(configuration.strategy)
    if steps is None:
        usual = DeploymentConfiguration()
        return replace(configuration, step_percent=usual.step_percent, step_bake_minutes=usual.step_bake_minutes)
    if is_same and steps.member not in said:
        return configuration
    told = said.get(steps.member, {})
    percent = float(told.get(steps.percent, steps.usual_percent))
    minutes = told.get(steps.minutes, steps.usual_minutes)
    if not steps.lowest <= percent <= 100 or abs(percent * 10 - round(percent * 10)) > 1e-6:
        raise InvalidParameterException(
            f"{steps.member}.{steps.percent} must be a multiple of 0.1 from {steps.lowest} to 100.0."
        )
    _check_minutes(f"{steps.member}.{steps.minutes}", minutes)
    return replace(configuration, step_percent=round(percent, 1), step_bake_minutes=minutes)


def _check_minutes(name: str, minutes: int) -> None:
    if not 0 <= minutes <= LONGEST_BAKE:
        raise InvalidParameterException(f"{name} must be between 0 and {LONGEST_BAKE}.")


# --- hooks ---


def _hooks(items: Sequence[_Params]) -> tuple[LifecycleHook, ...]:
    return tuple(_hook(item) for item in items)


def _hook(said: _Params) -> LifecycleHook:
    """API_DeploymentLifecycleHook: AWS_LAMBDA where no target type is said."""
    if (target := said.get("targetType", "AWS_LAMBDA")) != "PAUSE":
        raise UnsupportedFeatureException(
            f"deploymentConfiguration.lifecycleHooks of target type {target} are not supported by chaos-ecs, which has "
            "no functions to invoke. Use the target type PAUSE."
        )
    if said.get("hookTargetArn"):
        raise InvalidParameterException("lifecycleHooks.hookTargetArn is not applicable for PAUSE hooks.")
    stages = tuple(LifecycleStage(stage) for stage in dict.fromkeys(said.get("lifecycleStages", ())))
    if not stages:
        raise InvalidParameterException("lifecycleHooks.lifecycleStages can not be blank.")
    if wrong := [stage for stage in stages if stage in NO_PAUSE_AT]:
        raise InvalidParameterException(
            f"PAUSE hooks cannot be configured at {' or '.join(wrong)}: only AWS_LAMBDA hooks are valid there."
        )
    timeout, usual = said.get("timeoutConfiguration", {}), LifecycleHook(())
    return LifecycleHook(
        stages,
        timeout_minutes=timeout.get("timeoutInMinutes", usual.timeout_minutes),
        timeout_action=HookAction(timeout.get("action", usual.timeout_action)),
    )


# --- back to the wire ---


def strategy_view(configuration: DeploymentConfiguration) -> dict[str, Any]:
    """The same members of API_DeploymentConfiguration; those of other strategies are absent."""
    view: dict[str, Any] = {"strategy": configuration.strategy, "bakeTimeInMinutes": configuration.bake_minutes}
    if steps := STEPS.get(configuration.strategy):
        view[steps.member] = {
            steps.percent: configuration.step_percent,
            steps.minutes: configuration.step_bake_minutes,
        }
    if configuration.hooks:
        view["lifecycleHooks"] = [_hook_view(hook) for hook in configuration.hooks]
    return view


def _hook_view(hook: LifecycleHook) -> dict[str, Any]:
    return {
        "targetType": "PAUSE",
        "lifecycleStages": list(hook.stages),
        "timeoutConfiguration": {"timeoutInMinutes": hook.timeout_minutes, "action": hook.timeout_action},
    }
