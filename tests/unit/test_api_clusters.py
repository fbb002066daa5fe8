"""Clusters through real boto3, and the errors of each operation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api_harness import Harness

ARN = "arn:aws:ecs:us-east-1:123456789012:cluster/"


def test_a_new_region_has_the_cluster_of_the_lesson(ecs: Any) -> None:
    (cluster,) = ecs.describe_clusters(clusters=["my-cluster"])["clusters"]
    assert (cluster["clusterArn"], cluster["status"]) == (f"{ARN}my-cluster", "ACTIVE")


def test_each_region_has_clusters_of_its_own(api: Harness, ecs: Any) -> None:
    ecs.create_cluster(clusterName="only-here")
    assert api.client("eu-west-1").describe_clusters(clusters=["only-here"])["clusters"] == []


def test_a_cluster_is_created_described_listed_and_deleted(ecs: Any) -> None:
    created = ecs.create_cluster(clusterName="blue", tags=[{"key": "team", "value": "a"}])["cluster"]
    assert (created["clusterName"], created["status"], created["tags"]) == (
        "blue",
        "ACTIVE",
        [{"key": "team", "value": "a"}],
    )
    assert ecs.list_clusters()["clusterArns"] == [f"{ARN}blue", f"{ARN}my-cluster"]
    assert ecs.describe_clusters(clusters=["blue"])["clusters"][0]["tags"] == []
    assert ecs.describe_clusters(clusters=["blue"], include=["TAGS"])["clusters"][0]["tags"] == created["tags"]
    assert ecs.delete_cluster(cluster=created["clusterArn"])["cluster"]["status"] == "INACTIVE"
    assert ecs.list_clusters()["clusterArns"] == [f"{ARN}my-cluster"]
    assert ecs.describe_clusters(clusters=["blue"])["clusters"][0]["status"] == "INACTIVE"


def test_a_cluster_without_a_name_is_the_default_one(ecs: Any) -> None:
    assert ecs.create_cluster()["cluster"]["clusterName"] == "default"
    assert [cluster["clusterName"] for cluster in ecs.describe_clusters()["clusters"]] == ["default"]


def test_counts_follow_what_the_cluster_has(api: Harness, ecs: Any) -> None:
    ecs.create_service(cluster="my-cluster", serviceName="web", taskDefinition="web-server", desiredCount=2)
    api.simulation.advance(3)
    (cluster,) = ecs.describe_clusters(clusters=["my-cluster"])["clusters"]
    assert (cluster["runningTasksCount"], cluster["pendingTasksCount"], cluster["activeServicesCount"]) == (2, 0, 1)


def test_clusters_that_are_not_there_are_failures_and_no_error(ecs: Any) -> None:
    answer = ecs.describe_clusters(clusters=["my-cluster", "nowhere", "nowhere"])
    assert len(answer["clusters"]) == 1
    assert answer["failures"] == [{"arn": f"{ARN}nowhere", "reason": "MISSING"}]


def test_pages_go_on_where_the_last_one_ended_though_clusters_come_and_go(ecs: Any) -> None:
    for name in ("a", "b", "c", "d"):
        ecs.create_cluster(clusterName=name)
    first = ecs.list_clusters(maxResults=2)
    assert first["clusterArns"] == [f"{ARN}a", f"{ARN}b"]
    ecs.delete_cluster(cluster="b")
    ecs.create_cluster(clusterName="aa")
    second = ecs.list_clusters(maxResults=10, nextToken=first["nextToken"])
    assert second["clusterArns"] == [f"{ARN}c", f"{ARN}d", f"{ARN}my-cluster"]
    assert "nextToken" not in second


def test_a_page_that_is_just_full_and_the_last_has_no_token(ecs: Any) -> None:
    ecs.create_cluster(clusterName="a")
    answer = ecs.list_clusters(maxResults=2)
    assert len(answer["clusterArns"]) == 2
    assert "nextToken" not in answer


def test_the_paginator_finds_every_cluster_once(ecs: Any) -> None:
    for number in range(7):
        ecs.create_cluster(clusterName=f"c{number}")
    pages = list(ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["clusterArns"]) for page in pages] == [3, 3, 2]


@pytest.mark.parametrize(
    ("operation", "params", "code", "said"),
    [
        ("CreateCluster", {"clusterName": "no spaces"}, "InvalidParameterException", "Invalid cluster name"),
        ("CreateCluster", {"clusterName": "x" * 256}, "InvalidParameterException", "Invalid cluster name"),
        ("CreateCluster", {"clusterName": 5}, "SerializationException", "clusterName: NUMBER_VALUE"),
        ("CreateCluster", {"tags": [{"key": "k" * 129}]}, "InvalidParameterException", "length less than or equal to"),
        ("CreateCluster", {"tags": [{"value": "v"}]}, "InvalidParameterException", "Tag keys can not be blank"),
        ("CreateCluster", {"tags": [{"key": "k"}, {"key": "k"}]}, "InvalidParameterException", "Duplicate tag keys"),
        ("DescribeClusters", {"include": ["ALL"]}, "InvalidParameterException", "enum value set"),
        ("DescribeClusters", {"clusters": ["c"] * 101}, "InvalidParameterException", "at most 100"),
        ("DescribeClusters", {"clusters": [None]}, "SerializationException", "clusters[0]"),
        ("ListClusters", {"maxResults": 0}, "InvalidParameterException", "between 1 and 100"),
        ("ListClusters", {"maxResults": 101}, "InvalidParameterException", "between 1 and 100"),
        ("ListClusters", {"maxResults": "ten"}, "SerializationException", "maxResults"),
        ("ListClusters", {"nextToken": "made up"}, "InvalidParameterException", "Invalid token."),
        ("ListClusters", {"nextToken": "MTI="}, "InvalidParameterException", "Invalid token."),
        ("ListClusters", {"nextToken": "\u00e9"}, "InvalidParameterException", "Invalid token."),
        ("DeleteCluster", {}, "InvalidParameterException", "Cluster can not be blank."),
        ("DeleteCluster", {"cluster": "nowhere"}, "ClusterNotFoundException", "Cluster not found."),
        ("DeleteCluster", {"cluster": "arn:aws:ecs"}, "InvalidParameterException", "Invalid identifier"),
        ("DeleteCluster", {"cluster": "arn:aws:ecs:us-east-1:1:cluster/x"}, "InvalidParameterException", "for 1."),
        (
            "DeleteCluster",
            {"cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/x"},
            "InvalidParameterException",
            "for eu-west-1",
        ),
        (
            "DeleteCluster",
            {"cluster": "arn:aws:ecs:us-east-1:123456789012:service/x"},
            "InvalidParameterException",
            "Expected: cluster. Actual: service",
        ),
    ],
)
def test_bad_input_is_refused(api: Harness, operation: str, params: dict[str, Any], code: str, said: str) -> None:
    status, body = api.call(operation, params)
    assert (status, body["__type"]) == (400, code)
    assert said in body["message"]


def test_a_cluster_in_use_is_not_deleted(api: Harness, ecs: Any) -> None:
    ecs.create_service(cluster="my-cluster", serviceName="web", taskDefinition="web-server", desiredCount=0)
    with pytest.raises(ecs.exceptions.ClusterContainsServicesException):
        ecs.delete_cluster(cluster="my-cluster")
    ecs.delete_service(cluster="my-cluster", service="web")
    ecs.run_task(cluster="my-cluster", taskDefinition="worker")
    with pytest.raises(ecs.exceptions.ClusterContainsTasksException):
        ecs.delete_cluster(cluster="my-cluster")


def test_a_deleted_cluster_takes_no_more_work(ecs: Any) -> None:
    ecs.delete_cluster(cluster="my-cluster")
    with pytest.raises(ecs.exceptions.ClusterNotFoundException, match="The referenced cluster was inactive"):
        ecs.list_tasks(cluster="my-cluster")
