"""What AWS would refuse of a launch type and is run here all the same, in AWS's own words.

In a cluster without container instances every task runs on the one engine there is, whatever its launch type (decision
076): what that hides from a learner is told in an event.
"""

from __future__ import annotations

from chaos_ecs.core.model import TaskDefinition

EC2, FARGATE = "EC2", "FARGATE"
NO_INSTANCES = "No Container Instances were found in your cluster."
NOT_ON_FARGATE = "Task definition does not support launch_type FARGATE."


def aws_refuses(
    definition: TaskDefinition | None, launch_type: str, *, has_network: bool, lacks_instances: bool
) -> str:
    """The sentence of AWS's refusal, empty where it would take it. `lacks_instances`: EC2 was asked for by name in a
    cluster without container instances. Where it is only what ECS takes when nobody says anything, the lesson would
    hear of container instances in its first command."""
    if definition is None:
        return ""
    if definition.network_mode != "awsvpc":
        if launch_type == FARGATE:
            return NOT_ON_FARGATE
        if has_network:
            return "Network Configuration is not valid for the given networkMode of this task definition."
    return NO_INSTANCES if lacks_instances else ""


def not_on_aws(refusal: str) -> str:
    """The end of a sentence that says so."""
    return f", but AWS would answer: {refusal}" if refusal else ""
