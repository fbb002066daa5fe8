"""How fast the scheduler takes its steps: at once, for a workshop, or as slowly as the real ECS.

One value, chosen when the controller starts. Only waiting times are here; no rule is another at another pace.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """All in seconds. The defaults are those of a workshop."""

    name: str = "demo"
    tick: float = 0.0  # the scheduler looks at a service this often; 0: whenever something happens
    settling: float = 2.0  # RUNNING to healthy, without load balancer and health check, for a version on trial
    settling_of_known: float = 0.0  # the same for one that is known to work
    deregistration_delay: int = 2  # of a target group that names none
    stop_timeout: int = 30  # API_ContainerDefinition.stopTimeout, where none is named
    check_interval: int = 3  # of a target group that names none
    check_timeout: int = 2  # a laptop that does ten things at once answers late
    minute: float = 5.0  # what a minute of a deployment's bake time takes
    metric_period: float = 5.0  # how often what scales a service is measured
    scale_out_cooldown: int = 10  # of a scaling policy that names none
    scale_in_cooldown: int = 20
    instance_lost: float = 5.0  # how long a container instance's engine may be silent before its tasks are over


DEMO = Pace()

# Sources: traces of published deployments (events come about every 10 s); API_DeploymentConfiguration
# (minimumHealthyPercent: "40 seconds after the task has reached RUNNING"); API_TargetGroupAttribute; an ALB's defaults;
# API_TargetTrackingScalingPolicyConfiguration (cooldowns of ECS services: 300 s); CloudWatch: each minute.
AWS = Pace(
    name="aws",
    tick=10.0,
    settling=40.0,
    settling_of_known=40.0,
    deregistration_delay=300,
    stop_timeout=30,
    check_interval=30,
    check_timeout=5,
    minute=60.0,
    metric_period=60.0,
    scale_out_cooldown=300,
    scale_in_cooldown=300,
    instance_lost=60.0,
)

PACES = {pace.name: pace for pace in (DEMO, AWS)}
