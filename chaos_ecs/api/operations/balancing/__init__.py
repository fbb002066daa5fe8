"""The Elastic Load Balancing operations that chaos-ecs has: a name, and one plain function that takes a Call.

As in the table of ECS: an operation that is in the model and not here answers 501 and is named.
"""

from __future__ import annotations

from collections.abc import Mapping

from chaos_ecs.api.operations import Perform
from chaos_ecs.api.operations.balancing import listeners, load_balancers, rules, tags, target_groups, targets

ELBV2_OPERATIONS: Mapping[str, Perform] = {
    "CreateTargetGroup": target_groups.create_target_group,
    "DescribeTargetGroups": target_groups.describe_target_groups,
    "ModifyTargetGroup": target_groups.modify_target_group,
    "DeleteTargetGroup": target_groups.delete_target_group,
    "DescribeTargetGroupAttributes": target_groups.describe_target_group_attributes,
    "ModifyTargetGroupAttributes": target_groups.modify_target_group_attributes,
    "DescribeTargetHealth": targets.describe_target_health,
    "RegisterTargets": targets.register_targets,
    "DeregisterTargets": targets.deregister_targets,
    "CreateLoadBalancer": load_balancers.create_load_balancer,
    "DescribeLoadBalancers": load_balancers.describe_load_balancers,
    "DeleteLoadBalancer": load_balancers.delete_load_balancer,
    "DescribeLoadBalancerAttributes": load_balancers.describe_load_balancer_attributes,
    "CreateListener": listeners.create_listener,
    "DescribeListeners": listeners.describe_listeners,
    "ModifyListener": listeners.modify_listener,
    "DeleteListener": listeners.delete_listener,
    "CreateRule": rules.create_rule,
    "DescribeRules": rules.describe_rules,
    "ModifyRule": rules.modify_rule,
    "DeleteRule": rules.delete_rule,
    "DescribeTags": tags.describe_tags,
    "AddTags": tags.add_tags,
    "RemoveTags": tags.remove_tags,
}
