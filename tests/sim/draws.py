"""What the monkey draws from seeds of their own: what scales a service, and how it is deployed."""

from __future__ import annotations

from random import Random

from chaos_ecs.core.deploying import (
    DeploymentConfiguration,
    DeploymentStrategy,
    HookAction,
    LifecycleHook,
    LifecycleStage,
)
from chaos_ecs.core.messages import (
    Command,
)
from chaos_ecs.core.scaling import Measure, Metric
from chaos_ecs.core.scaling_messages import (
    DeleteScalingPolicy,
    DeregisterScalableTarget,
    PutScalingPolicy,
    RegisterScalableTarget,
)

PAUSES = (LifecycleStage.PRE_SCALE_UP, LifecycleStage.POST_SCALE_UP, LifecycleStage.POST_PRODUCTION_TRAFFIC_SHIFT)


def a_scaling(rng: Random, name: str, group: str) -> Command:
    measure = rng.choice((Measure(Metric.CPU), Measure(Metric.REQUESTS, group)))
    policy = rng.choice(("one", "two"))
    cooldown = rng.choice((None, 0, 5))
    return rng.choice(
        (
            RegisterScalableTarget(name, *rng.choice(((0, 3), (1, 8), (2, 2), (4, 1), (None, 5)))),
            RegisterScalableTarget(name, 1, 6),
            RegisterScalableTarget(name, 2, 8),
            PutScalingPolicy(name, policy, measure, 50.0, "", cooldown, cooldown),
            PutScalingPolicy(name, policy, Measure(Metric.CPU), rng.choice((0.0, 20.0, 50.0))),
            PutScalingPolicy(name, policy, Measure(Metric.CPU), 50.0, "", 0, 0),
            DeleteScalingPolicy(name, policy),
            DeregisterScalableTarget(name),
        )
    )


def a_strategy(rng: Random) -> DeploymentConfiguration:
    hook = LifecycleHook((rng.choice(PAUSES),), rng.choice((1, 3)), rng.choice(list(HookAction)))
    return DeploymentConfiguration(
        *rng.choice(((100, 200), (50, 100), (100, 150))),
        *rng.choice(((False, False), (True, True))),
        strategy=rng.choice(list(DeploymentStrategy)),
        bake_minutes=rng.choice((0, 1)),
        step_percent=rng.choice((10.0, 50.0, 33.3)),
        step_bake_minutes=rng.choice((0, 1)),
        hooks=rng.choice(((), (), (hook,))),
    )
