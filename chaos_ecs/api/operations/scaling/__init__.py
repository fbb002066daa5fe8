"""The Application Auto Scaling operations that chaos-ecs has: a name, and one plain function that takes a Call.

As in the table of ECS: an operation that is in the model and not here answers 501 and is named.
"""

from __future__ import annotations

from collections.abc import Mapping

from chaos_ecs.api.operations import Perform
from chaos_ecs.api.operations.scaling import activities, policies, targets

SCALING_OPERATIONS: Mapping[str, Perform] = {
    "RegisterScalableTarget": targets.register_scalable_target,
    "DescribeScalableTargets": targets.describe_scalable_targets,
    "DeregisterScalableTarget": targets.deregister_scalable_target,
    "PutScalingPolicy": policies.put_scaling_policy,
    "DescribeScalingPolicies": policies.describe_scaling_policies,
    "DeleteScalingPolicy": policies.delete_scaling_policy,
    "DescribeScalingActivities": activities.describe_scaling_activities,
}
