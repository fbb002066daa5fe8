"""`chaos-ecs chaos inject` of faults of container instances, on a simulated controller."""

from __future__ import annotations

import pytest

from tests.unit.api_harness import CLUSTER, add_instance
from tests.unit.fake_controller import Terminal
from tests.unit.sim_room import SimController


def a_room(*names: str) -> SimController:
    controller = SimController()
    controller.api.client().list_clusters()
    for name in names:
        add_instance(controller.api, name)
    controller.ecs("CreateService", cluster=CLUSTER, serviceName="web", taskDefinition="web-server", desiredCount=4)
    controller.api.simulation.advance(10)
    return controller


def told(controller: SimController, *words: str, code: int = 0) -> str:
    """All that is printed, as one row."""
    terminal = Terminal(controller)
    assert terminal.run("chaos", *words) == code, terminal.both
    return " ".join(terminal.both.split())


@pytest.mark.parametrize("words", [("drain-instance",), ("instance-stop",), ("az-power-interruption", "--az", "a")])
def test_a_cluster_without_container_instances_is_told_how_to_have_some(words: tuple[str, ...]) -> None:
    said = told(a_room(), "inject", *words, code=3)
    assert f"E-NO-INSTANCE: {words[0]} was refused why: cluster my-cluster has no container instances" in said
    assert "next: chaos-ecs instance add --count 2" in said


def test_a_dry_run_says_who_and_what_will_become_of_their_tasks() -> None:
    said = told(a_room("a1", "b1"), "inject", "drain-instance", "--instance", "a1", "--dry-run")
    assert "hits container instance a1" in said
    assert "tasks a1: 2 service tasks move" in said
    assert "nothing was done: this was a dry run" in said


def test_a_drain_is_told_by_its_name_and_its_proof_and_can_be_undone() -> None:
    controller = a_room("a1", "b1")
    said = told(controller, "inject", "drain-instance", "--instance", "a1", "--duration", "10m")
    assert "drain-instance ACTIVE on container instance a1" in said
    assert "a1 (us-east-1a) is DRAINING: 0 of 2 service tasks moved" in said
    controller.api.simulation.advance(60)
    assert "a1 (us-east-1a) is DRAINING: 2 of 2 service tasks moved" in told(controller, "status", "--all")
    said = told(controller, "undo", "--all")
    assert "drain-instance on 1 container instance is over, nothing of it is left" in said


def test_the_whole_of_a_power_failure_can_be_waited_for() -> None:
    said = told(a_room("a1", "b1"), "inject", "instance-stop", "--instance", "b1", "--duration", "20s", "--wait")
    assert "b1 (us-east-1b) has no power: 2 service tasks and 0 standalone tasks ended" in said
    assert "instance-stop COMPLETED on container instance b1" in said


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("drain-instance",), 5, "would lose all 2 of its ACTIVE container instances"),
        (
            ("instance-stop", "--instance", "z9"),
            3,
            "There is no container instance z9 why: container instances of cluster",
        ),
        (
            ("drain-instance", "--drainage-percentage", "10"),
            3,
            "no container instance that is ACTIVE and connected fits",
        ),
        (("instance-stop", "--instance", "a1", "--all"), 2, "name container instances, or tasks, not both"),
        (("spot-interruption", "web", "--instance", "a1"), 2, "name container instances, or tasks, not both"),
        (("spot-interruption", "web"), 3, "no RUNNING task that fits is on FARGATE_SPOT"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_had_is_refused_with_its_reason(
    words: tuple[str, ...], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(a_room("a1", "b1"), "inject", *words, code=code)
    assert said in f"{found} {' '.join(capsys.readouterr().err.split())}"


def test_a_seed_draws_the_same_instance_again_and_is_told() -> None:
    said = told(a_room("a1", "b1", "c1"), "inject", "instance-stop", "--seed", "7", "--dry-run")
    assert "seed 7 (--seed 7 picks the same again)" in said
    assert said.split("hits ")[1] == told(a_room("a1", "b1", "c1"), "inject", "instance-stop", "--seed", "7",
                                          "--dry-run").split("hits ")[1]  # fmt: skip


def test_the_notice_of_a_spot_interruption_has_a_short_option() -> None:
    said = told(a_room("a1", "b1"), "inject", "spot-interruption", "--instance", "a1", "--notice", "10s", "--dry-run")
    assert "gives notice to Spot capacity: tasks are told to stop, 10 s are left" in said


def test_what_happened_to_an_instance_is_told_in_plain_rows_and_in_sentences() -> None:
    controller = a_room("a1", "b1")
    said = told(controller, "inject", "drain-instance", "--instance", "a1", "--duration", "10m")
    assert "FAULT_INJECTED" in said
    terminal = Terminal(controller)
    assert terminal.run("events") == 0, terminal.both
    assert "INSTANCE_STATUS_CHANGED" in terminal.both
    told(controller, "undo", "--all")
    terminal = Terminal(controller)
    assert terminal.run("--accessible", "chaos", "inject", "drain-instance", "--instance", "b1") == 0, terminal.both
    assert "drain-instance takes effect on container instance b1" in " ".join(terminal.both.split())
