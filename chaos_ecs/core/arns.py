"""ARNs, as ECS writes them (API_ARNs: the long format). Everything in State is keyed by ARN, so regions never mix."""

from __future__ import annotations

import re

ACCOUNT_ID = "123456789012"

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
"""API_CreateCluster.clusterName, API_CreateService.serviceName, API_RegisterTaskDefinition.family and others."""


def cluster_arn(region: str, name: str) -> str:
    return f"arn:aws:ecs:{region}:{ACCOUNT_ID}:cluster/{name}"


def family_arn(region: str, family: str) -> str:
    """A task definition's ARN without its revision."""
    return f"arn:aws:ecs:{region}:{ACCOUNT_ID}:task-definition/{family}"


def service_arn(cluster: str, name: str) -> str:
    return f"{_beside(cluster, 'service')}/{name}"


def task_arn(cluster: str, task_id: str) -> str:
    return f"{_beside(cluster, 'task')}/{task_id}"


def container_arn(task: str, container_id: str) -> str:
    """`container_id` is a UUID; the ARN carries cluster and task too."""
    return f"{task.replace(':task/', ':container/', 1)}/{container_id}"


def container_instance_arn(cluster: str, instance_id: str) -> str:
    return f"{_beside(cluster, 'container-instance')}/{instance_id}"


def capacity_provider_arn(region: str, name: str) -> str:
    return f"arn:aws:ecs:{region}:{ACCOUNT_ID}:capacity-provider/{name}"


def target_group_arn(region: str, name: str, id_: str) -> str:
    """`id_` and those below are 16 hexadecimal digits: a name may come back, an ARN never does."""
    return f"arn:aws:elasticloadbalancing:{region}:{ACCOUNT_ID}:targetgroup/{name}/{id_}"


def load_balancer_arn(region: str, name: str, id_: str) -> str:
    """Of an Application Load Balancer."""
    return f"arn:aws:elasticloadbalancing:{region}:{ACCOUNT_ID}:loadbalancer/app/{name}/{id_}"


def listener_arn(load_balancer: str, id_: str) -> str:
    return f"{load_balancer.replace(':loadbalancer/', ':listener/', 1)}/{id_}"


def rule_arn(listener: str, id_: str) -> str:
    return f"{listener.replace(':listener/', ':listener-rule/', 1)}/{id_}"


def default_rule_arn(listener: str) -> str:
    """A listener's default rule is no entity of its own: its id is the listener's with every bit turned."""
    return rule_arn(listener, f"{int(name_of(listener), 16) ^ 0xFFFF_FFFF_FFFF_FFFF:016x}")


def fis_arn(region: str, kind: str, id_: str) -> str:
    """Of an `experiment-template`, an `experiment`, an `action` or a `safety-lever`."""
    return f"arn:aws:fis:{region}:{ACCOUNT_ID}:{kind}/{id_}"


def schedule_group_arn(region: str, name: str) -> str:
    return f"arn:aws:scheduler:{region}:{ACCOUNT_ID}:schedule-group/{name}"


def schedule_arn(region: str, group: str, name: str) -> str:
    return f"arn:aws:scheduler:{region}:{ACCOUNT_ID}:schedule/{group}/{name}"


def region_of(arn: str) -> str:
    return arn.split(":", 4)[3]


def name_of(arn: str) -> str:
    """The last part: a cluster's or service's name, a task's id, FAMILY:REVISION."""
    return arn.rsplit("/", 1)[1]


def family_of(task_definition_arn: str) -> str:
    return name_of(task_definition_arn).rsplit(":", 1)[0]


def short(arn: str) -> str:
    """Six hexadecimal digits of a task's id: enough to tell tasks apart by eye, and accepted by every command."""
    return name_of(arn)[:6]


def _beside(cluster: str, kind: str) -> str:
    return cluster.replace(":cluster/", f":{kind}/", 1)
