"""Schedules in virtual time: calls of RunTask that are refused, retried and given up, and targets nobody can read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chaos_ecs.core import arns
from chaos_ecs.core.container_instances import ContainerInstanceStatus
from chaos_ecs.core.instance_messages import RegisterContainerInstance, SetContainerInstanceStatuses
from chaos_ecs.core.messages import (
    CreateCluster,
    DeregisterTaskDefinition,
    EventType,
    RegisterTaskDefinition,
)
from chaos_ecs.core.placement_rules import PlacementWishes
from chaos_ecs.core.schedules import RunTarget, utc
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER, REGION, a_container, a_design, a_schedule, a_simulation, definition_arn
from tests.sim.schedule_looks import MISSING, QUEUE, ran, tasks_of, the_schedule, told


def test_a_refused_call_is_retried_ever_more_slowly_until_its_attempts_are_used_up() -> None:
    simulation = a_simulation()
    began = simulation.clock.now()
    target = replace(MISSING, maximum_retry_attempts=4, dead_letter_arn=QUEUE)
    arn = a_schedule(simulation, a_design("rate(1 day)", target=target))
    simulation.advance(3600)
    retries = told(simulation, EventType.SCHEDULE_RETRY)
    assert [(event.at - began, event.data["attempt"]) for event in retries] == [(0, 1), (1, 2), (7, 4)]
    assert retries[0].data["code"] == "ClientException"
    assert retries[0].data["reason"] == "TaskDefinition not found."
    (dropped,) = told(simulation, EventType.SCHEDULE_DROPPED)
    assert dropped.at - began == 15
    assert (dropped.data["condition"], dropped.data["retries"]) == ("MaximumRetryAttempts", 4)
    (letter,) = the_schedule(simulation, arn).dead_letters
    attributes = dropped.data["deadLetter"]
    assert attributes == {
        "ERROR_CODE": "ClientException",
        "ERROR_MESSAGE": "TaskDefinition not found.",
        "EXECUTION_ID": letter.execution_id,
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "4",
        "SCHEDULED_TIME": utc(began),
        "SCHEDULE_ARN": arn,
        "TARGET_ARN": CLUSTER,
    }


def test_by_default_the_last_of_185_retries_comes_a_day_later() -> None:
    simulation = a_simulation()
    began = simulation.clock.now()
    arn = a_schedule(simulation, a_design("rate(7 days)", target=MISSING))
    simulation.advance(2 * 86400)
    (dropped,) = told(simulation, EventType.SCHEDULE_DROPPED)
    assert dropped.at - began == 86399
    assert dropped.data["retries"] == 185
    assert "deadLetter" not in dropped.data, "there is no dead-letter queue"
    assert not the_schedule(simulation, arn).dead_letters
    assert len(told(simulation, EventType.SCHEDULE_RETRY)) == 8, "told after 1, 2, 4, ... 128 attempts"


def test_a_call_is_given_up_when_its_event_is_too_old() -> None:
    simulation = a_simulation()
    began = simulation.clock.now()
    a_schedule(simulation, a_design("rate(1 day)", target=replace(MISSING, maximum_event_age_seconds=60)))
    simulation.advance(3600)
    (dropped,) = told(simulation, EventType.SCHEDULE_DROPPED)
    assert dropped.at - began == 60, "tried once more at the very end"
    assert dropped.data["condition"] == "MaximumEventAgeInSeconds"


def test_without_retries_the_first_refusal_is_the_last() -> None:
    simulation = a_simulation()
    a_schedule(simulation, a_design("rate(1 day)", target=replace(MISSING, maximum_retry_attempts=0)))
    assert told(simulation, EventType.SCHEDULE_DROPPED)[0].data["retries"] == 0
    assert not told(simulation, EventType.SCHEDULE_RETRY)


def test_a_definition_that_comes_later_ends_the_retries_and_the_lateness_is_told() -> None:
    simulation = a_simulation()
    a_schedule(simulation, a_design("rate(1 day)", target=MISSING))
    simulation.advance(20)
    command = RegisterTaskDefinition(arns.family_arn(REGION, "missing"), (a_container(),))
    simulation.submit(command).result(0)
    simulation.advance(60)
    (event,) = ran(simulation)
    assert (event.data["lateness"], event.data["attempt"]) == (31, 6)
    assert len(tasks_of(simulation)) == 1


@pytest.mark.parametrize(
    ("target", "code", "reason"),
    [
        (RunTarget(arns.cluster_arn(REGION, "none"), "batch-job"), "ClusterNotFoundException", "Cluster not found."),
        (RunTarget(CLUSTER, "batch-job", input='{"containerOverrides": [{"name": "x"}]}'), "InvalidParameterException",
         "Override for container named x is not a container in the TaskDefinition."),
        (RunTarget(CLUSTER, "batch-job", input="[]"), "InvalidParameterException",
         "The Input of the target is no TaskOverride: it is no object."),
        (RunTarget(CLUSTER, "batch-job", input='{"containerOverrides": [{"name": "batch-job", "cpu": "1"}]}'),
         "InvalidParameterException", "The Input of the target is no TaskOverride: cpu is no whole number."),
        (RunTarget(CLUSTER, "arn:aws:ecs:eu-west-1:123456789012:task-definition/batch-job:1"), "ClientException",
         "TaskDefinition not found."),
    ],
)  # fmt: skip
def test_what_run_task_would_refuse_is_refused_when_it_is_due(target: RunTarget, code: str, reason: str) -> None:
    simulation = a_simulation()
    a_schedule(simulation, a_design(target=target))
    (retry,) = told(simulation, EventType.SCHEDULE_RETRY)
    assert (retry.data["code"], retry.data["reason"]) == (code, reason)
    assert not tasks_of(simulation)


def test_an_inactive_definition_is_refused_and_a_cluster_that_comes_later_is_found() -> None:
    simulation = a_simulation()
    a_schedule(simulation, a_design("rate(1 hour)", target=RunTarget(CLUSTER, "batch-job:1")), name="inactive")
    simulation.submit(DeregisterTaskDefinition(definition_arn("batch-job"))).result(0)
    later = arns.cluster_arn(REGION, "later")
    a_schedule(simulation, a_design("rate(1 day)", target=RunTarget(later, "worker")), name="later")
    simulation.submit(CreateCluster(later)).result(0)
    simulation.advance(3600)
    assert [task.cluster_arn for task in tasks_of(simulation)] == [CLUSTER, later]
    assert told(simulation, EventType.SCHEDULE_RETRY)[-1].data["reason"] == "TaskDefinition is inactive"


def test_while_the_engine_is_away_calls_are_refused_and_every_one_of_them_is_retried() -> None:
    simulation = a_simulation()
    a_schedule(simulation)
    simulation.engine.up = False
    simulation.advance(150)
    assert told(simulation, EventType.SCHEDULE_RETRY)[-1].data["code"] == "AGENT"
    assert len(simulation.state.invocations) == 2
    simulation.engine.up = True
    simulation.advance(300)
    times = [event.data["scheduledTime"] for event in ran(simulation)]
    assert len(times) == len(set(times)) == 8, "none is lost, none runs twice"
    assert not told(simulation, EventType.TASK_NOT_PLACED)


# --- in a cluster with container instances ---


def with_instance(**members: Any) -> tuple[Simulation, str]:
    """A simulation whose cluster has one container instance, and its ARN."""
    simulation = a_simulation()
    command = RegisterContainerInstance(CLUSTER, "a1", **{"cpu": 1024, "memory": 512, **members})
    simulation.submit(command).result(0)
    return simulation, next(iter(simulation.state.container_instances))


def test_a_run_that_placed_nothing_is_retried_and_runs_once_there_is_room() -> None:
    simulation, arn = with_instance(memory=16)
    a_schedule(simulation, a_design("rate(1 day)"))
    (retry,) = told(simulation, EventType.SCHEDULE_RETRY)
    assert (retry.data["code"], retry.data["attempt"]) == ("RESOURCE:MEMORY", 1)
    assert retry.data["reason"] == "a task of batch-job:1 was not placed on a1: RESOURCE:MEMORY"
    assert not ran(simulation)
    assert not told(simulation, EventType.TASK_NOT_PLACED)
    simulation.submit(RegisterContainerInstance(CLUSTER, "a2", 1024, 512)).result(0)
    simulation.advance(60)
    (task,) = tasks_of(simulation)
    assert task.container_instance_arn not in ("", arn)
    assert len(ran(simulation)) == 1


def test_while_all_container_instances_are_draining_a_run_is_refused_as_run_task_is() -> None:
    simulation, arn = with_instance()
    simulation.submit(SetContainerInstanceStatuses((arn,), ContainerInstanceStatus.DRAINING)).result(0)
    a_schedule(simulation, a_design("rate(1 day)"))
    (retry,) = told(simulation, EventType.SCHEDULE_RETRY)
    assert retry.data["code"] == "InvalidParameterException"
    assert retry.data["reason"] == "No Container Instances were found in your cluster."
    simulation.submit(SetContainerInstanceStatuses((arn,), ContainerInstanceStatus.ACTIVE)).result(0)
    simulation.advance(60)
    assert [task.container_instance_arn for task in tasks_of(simulation)] == [arn]


def test_a_run_with_room_for_some_of_its_tasks_only_is_a_run() -> None:
    simulation, arn = with_instance(memory=100)
    a_schedule(simulation, a_design("rate(1 day)", target=RunTarget(CLUSTER, "batch-job", count=10)))
    (event,) = ran(simulation)
    assert 0 < len(event.data["tasks"]) < 10
    assert len(tasks_of(simulation)) == len(event.data["tasks"])
    assert [event.data["instance"] for event in told(simulation, EventType.TASK_NOT_PLACED)] == [arn]


def test_its_placement_constraints_are_kept_to() -> None:
    simulation, _ = with_instance()
    simulation.submit(RegisterContainerInstance(CLUSTER, "a2", 1024, 512, attributes=(("stack", "x"),))).result(0)
    wishes = PlacementWishes(constraints=(("memberOf", "attribute:stack == x"),))
    a_schedule(simulation, a_design("rate(1 day)", target=RunTarget(CLUSTER, "batch-job", count=3, placement=wishes)))
    names = [simulation.state.container_instances[t.container_instance_arn].name for t in tasks_of(simulation)]
    assert names == ["a2"] * 3
    broken = PlacementWishes(constraints=(("memberOf", "nonsense"),))
    a_schedule(simulation, a_design(target=RunTarget(CLUSTER, "batch-job", placement=broken)), name="broken")
    (retry,) = told(simulation, EventType.SCHEDULE_RETRY)
    assert retry.data["code"] == "InvalidParameterException"


# --- targets that nobody can read ---


def outcome(target: RunTarget) -> str:
    """What became of a schedule with that target, the first time; `ran`, or the code of the refusal."""
    simulation = a_simulation()
    a_schedule(simulation, a_design("rate(1 day)", target=target))
    simulation.crash()
    simulation.restart()  # from what was saved
    retries = told(simulation, EventType.SCHEDULE_RETRY)
    assert len(ran(simulation)) + len(retries) == 1
    return retries[0].data["code"] if retries else "ran"


named = st.text(max_size=40) | st.text(alphabet="arn:ws-ecs/task-definition0123456789", max_size=60)


@settings(max_examples=60, deadline=None)
@given(named | named.map("arn:{}".format) | named.map(f"{arns.family_arn(REGION, '')}{{}}".format))
@example("arn:aws")
@example("arn:")
@example("")
@example("/")
@example("arn:aws:ecs:us-east-1:123456789012:task-definition/batch-job:abc")
def test_any_text_names_a_task_definition_that_is_there_or_is_refused(name: str) -> None:
    is_there = name in ("batch-job", "worker", "flaky", "batch-job:1")
    assert outcome(RunTarget(CLUSTER, name)) == ("ran" if is_there else "ClientException")


@settings(max_examples=30, deadline=None)
@given(named | named.map("arn:{}".format))
@example("arn:aws")
@example("")
def test_any_text_names_a_cluster_that_is_there_or_is_refused(name: str) -> None:
    assert outcome(RunTarget(name, "batch-job")) == "ClusterNotFoundException"


keys = st.sampled_from(("containerOverrides", "name", "command", "environment", "cpu", "memory", "value", "x"))
texts = st.text(max_size=9) | st.just("batch-job") | st.just("\ud800")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=30) | values.map(json.dumps))
@example("[" * 100_000)
@example("[" * 100_000 + "]" * 100_000)
@example(json.dumps({"containerOverrides": [{"name": "batch-job", "command": ["\ud800"]}]}))
@example(json.dumps({"containerOverrides": [{"name": "\ud800"}]}))
@example(json.dumps({"cpu": True}))
@example(json.dumps({"cpu": "batch-job"}))
@example(json.dumps({"containerOverrides": [{"name": "batch-job", "memory": 10**30}]}))
def test_any_text_is_an_input_or_is_refused(text: str) -> None:
    assert outcome(RunTarget(CLUSTER, "batch-job", input=text)) in ("ran", "InvalidParameterException")


def test_half_a_surrogate_pair_is_no_text_of_an_input() -> None:
    simulation = a_simulation()
    text = json.dumps({"containerOverrides": [{"name": "batch-job", "command": ["\ud800"]}]})
    a_schedule(simulation, a_design(target=RunTarget(CLUSTER, "batch-job", input=text)))
    (retry,) = told(simulation, EventType.SCHEDULE_RETRY)
    assert retry.data["reason"] == "JSON syntax error in input for the target."


def test_what_nobody_foresaw_in_a_target_costs_its_schedule_the_run_and_no_other() -> None:
    simulation = a_simulation()
    broken: Any = (("a tag without a value",),)
    a_schedule(simulation, a_design(target=RunTarget(CLUSTER, "batch-job", tags=broken)), name="broken")
    a_schedule(simulation, name="other")
    (retry,) = told(simulation, EventType.SCHEDULE_RETRY)
    assert retry.data["reason"] == "The target cannot be read: ValueError"
    assert len(ran(simulation)) == 1
