"""`instance` ls, add, drain, activate, remove, and what other views say of container instances."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chaos_ecs.cli import completion, panel
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.cli.symbols import UNICODE
from tests.unit.fake_controller import (
    AT,
    BASE,
    CLUSTER,
    FakeController,
    Terminal,
    a_service,
    a_state,
    a_task,
    refusing,
    stopped,
    task_arn,
)


def instance_arn(digits: str) -> str:
    return f"{BASE}:container-instance/my-cluster/{digits.ljust(32, '0')}"


def an_instance(number: int, **changes: Any) -> dict[str, Any]:
    """The third is in zone c; its id begins with 3333."""
    return {
        "arn": instance_arn(str(number) * 4),
        "name": f"instance-{number}",
        "clusterArn": CLUSTER,
        "zone": f"us-east-1{'abc'[number - 1]}",
        "status": "ACTIVE",
        "agentConnected": True,
        "cpu": 2048,
        "memory": 2048,
        "cpuUsed": 0,
        "memoryUsed": 64,
        "running": 1,
        "pending": 0,
        "engine": "",
        **changes,
    }


def on(number: int) -> dict[str, str]:
    return {"instance": f"instance-{number}", "zone": f"us-east-1{'abc'[number - 1]}"}


def a_room(*tasks: dict[str, Any], **changes: Any) -> FakeController:
    """Three container instances with a task of web each, the first with a standalone one too."""
    placed = tasks or (
        a_task("7f3a9c", "web", **on(1)),
        a_task("c9d550", "web", **on(2)),
        a_task("e41b07", "web", **on(3)),
        a_task("31f0aa", **on(1)),
    )
    state = a_state(
        services=[a_service()],
        tasks=list(placed),
        **{"containerInstances": [an_instance(1), an_instance(2), an_instance(3)], **changes},
    )
    controller = FakeController(state)
    controller.answers["UpdateContainerInstancesState"] = {"containerInstances": [], "failures": []}
    controller.answers["DeregisterContainerInstance"] = {}
    return controller


def after(controller: FakeController, operation: str, state: dict[str, Any]) -> None:
    """What the state is once this operation was called."""

    def answer(members: dict[str, Any]) -> dict[str, Any]:
        controller.state = state
        return {}

    controller.answers[operation] = answer


# --- ls ---


def test_ls_tells_where_each_is_and_what_of_it_is_taken() -> None:
    terminal = Terminal(a_room(containerInstances=[an_instance(1), an_instance(2, status="DRAINING", engine="second")]))
    assert terminal.run("instance", "ls") == 0
    assert terminal.out.getvalue() == (
        "INSTANCE    ZONE        STATUS    AGENT  CPU     MEMORY   RUNNING  PENDING  ENGINE\n"
        "instance-1  us-east-1a  ACTIVE    yes    0/2048  64/2048  1        0        (own)\n"
        "instance-2  us-east-1b  DRAINING  yes    0/2048  64/2048  1        0        second\n"
    )


@pytest.mark.parametrize("width", [60, 80, 100])
def test_ls_fits_narrow_terminals_and_never_drops_a_lost_agent(width: int) -> None:
    lost = an_instance(2, status="DRAINING", agentConnected=False, engine="tcp://192.168.100.200:2376")
    terminal = Terminal(a_room(containerInstances=[an_instance(1), lost]), terminal=True, columns=lambda: width)
    terminal.run("instance", "ls")
    rows = terminal.out.getvalue().splitlines()
    assert max(map(len, rows)) <= width
    assert len(rows) == 3, "one row each"
    assert all(word in terminal.out.getvalue() for word in ("DRAINING", "LOST", "us-east-1b", "RUNNING"))


def test_while_the_own_engine_is_away_its_slices_are_lost_and_others_are_not() -> None:
    further = an_instance(2, engine="tcp://192.168.100.200:2376")
    away = {"name": "Docker 24", "connected": False, "reason": "connection refused"}
    terminal = Terminal(a_room(containerInstances=[an_instance(1), further], engine=away))
    terminal.run("instance", "ls")
    _, first, second = terminal.out.getvalue().splitlines()
    assert ("LOST" in first, "LOST" in second) == (True, False)


def test_ls_has_names_alone_json_and_a_word_where_there_is_none() -> None:
    terminal = Terminal(a_room())
    terminal.run("instance", "ls", "-q")
    assert terminal.out.getvalue() == "instance-1\ninstance-2\ninstance-3\n"
    told = Terminal(a_room())
    told.run("instance", "ls", "--json")
    names = [item["name"] for item in json.loads(told.out.getvalue())["containerInstances"]]
    assert names == ["instance-1", "instance-2", "instance-3"]
    bare = Terminal(FakeController(a_state()))
    assert bare.run("instance", "ls") == 0
    assert "No container instances in cluster my-cluster" in bare.err.getvalue()


# --- add ---


def adding(controller: FakeController) -> list[dict[str, Any]]:
    """AddContainerInstance answers; what it was asked for."""
    asked: list[dict[str, Any]] = []

    def answer(members: dict[str, Any]) -> dict[str, Any]:
        asked.append({name: value for name, value in members.items() if value is not None})
        number = len(asked)
        return {
            "containerInstanceArn": instance_arn(str(number) * 4),
            "name": f"instance-{number}",
            "cpu": 2048,
            "memory": 2048,
            "availabilityZone": f"us-east-1{'abc'[number - 1]}",
            "engine": members["engine"] or "",
        }

    controller.answers["AddContainerInstance"] = answer
    return asked


def test_add_says_what_each_is_and_after_the_first_what_changes() -> None:
    controller = FakeController(a_state(services=[a_service()], tasks=[a_task("7f3a9c", "web")]))
    asked = adding(controller)
    terminal = Terminal(controller)
    assert terminal.run("instance", "add", "--count", "2") == 0
    assert asked == [{"cluster": CLUSTER}] * 2
    assert terminal.out.getvalue() == (
        "instance-1 in us-east-1a: 2048 cpu units, 2048 MiB, a slice of the own engine\n"
        "instance-2 in us-east-1b: 2048 cpu units, 2048 MiB, a slice of the own engine\n"
    )
    assert "tasks of launch type EC2 are placed on container instances; the task that runs" in terminal.err.getvalue()
    assert "chaos-ecs service scale web 6" in terminal.err.getvalue()
    again = Terminal(a_room())
    adding(again.shell.opener(again.shell, start=True))  # type: ignore[arg-type]
    again.run("instance", "add")
    assert "from now on" not in again.err.getvalue()


def test_add_hands_on_what_was_said_and_a_zone_may_be_a_letter() -> None:
    controller = a_room()
    asked = adding(controller)
    words = "big --zone b --cpu 4096 --memory 8192 --attribute rack=r1 --attribute gpu --capacity-provider mine"
    assert Terminal(controller).run("instance", "add", *words.split()) == 0
    assert Terminal(controller).run("instance", "add", "--engine", "second", "--address", "10.0.0.8") == 0
    assert asked == [
        {
            "cluster": CLUSTER,
            "name": "big",
            "availabilityZone": "us-east-1b",
            "cpu": 4096,
            "memory": 8192,
            "attributes": {"rack": "r1", "gpu": ""},
            "capacityProvider": "mine",
        },
        {"cluster": CLUSTER, "engine": "second", "address": "10.0.0.8"},
    ]


@pytest.mark.parametrize("words", ["big --count 2", "--engine second --count 2", "--attribute =x"])
def test_add_refuses_what_contradicts_itself(words: str) -> None:
    controller = a_room()
    assert Terminal(controller).run("instance", "add", *words.split()) == 2
    assert controller.calls == []


@pytest.mark.parametrize(
    ("why", "next_", "code"),
    [
        ("The engine second cannot be used: Cannot reach Docker at second: refused", "next: docker context ls", 4),
        ("The engine second cannot be used: second is no further engine", "next: chaos-ecs instance add (a slice", 1),
        ("The address of second does not follow: give its address.", "--engine second --address IP", 1),
        ("The engine second is registered already, as x", "next: chaos-ecs instance ls", 1),
    ],
)
def test_a_refused_engine_is_told_in_four_parts_with_the_next_command(why: str, next_: str, code: int) -> None:
    controller = a_room()
    controller.answers["AddContainerInstance"] = refusing("ClientException", why)
    terminal = Terminal(controller)
    assert terminal.run("instance", "add", "--engine", "second") == code
    assert "ClientException: The container instance was not added" in terminal.err.getvalue()
    assert f"why:  {why}" in terminal.err.getvalue()
    assert next_ in terminal.err.getvalue()


# --- drain, activate ---


def drained() -> dict[str, Any]:
    """The first one after its drain: the task of web has moved, the standalone one was stopped."""
    tasks = [
        stopped(a_task("7f3a9c", "web", **on(1))),
        a_task("0b77de", "web", **on(2)),
        stopped(a_task("31f0aa", **on(1))),
    ]
    first = an_instance(1, status="DRAINING", running=0)
    return a_state(services=[a_service()], tasks=tasks, containerInstances=[first, an_instance(2), an_instance(3)])


def test_drain_tells_who_moves_and_who_holds_it_open_and_follows_until_it_is_empty() -> None:
    controller = a_room()
    after(controller, "UpdateContainerInstancesState", drained())
    terminal = Terminal(controller)
    assert terminal.run("instance", "drain", "instance-1") == 0
    assert controller.calls == [
        (
            "UpdateContainerInstancesState",
            {"cluster": CLUSTER, "containerInstances": [instance_arn("1111")], "status": "DRAINING"},
        )
    ]
    said = terminal.err.getvalue()
    assert "service web: 7f3a9c moves, once new tasks run elsewhere" in said
    assert "standalone: 31f0aa stays: nobody moves it, and the drain waits for its end" in said
    assert "chaos-ecs task stop 31f0aa" in said
    assert "waiting until instance-1 has no tasks, at most 5m00s; Ctrl-C leaves, the drain goes on" in said
    assert terminal.out.getvalue() == "instance-1 DRAINING, 0 tasks\n"
    assert "chaos-ecs instance activate instance-1" in said


def test_the_task_of_a_daemon_ends_with_the_drain_and_is_not_said_to_move() -> None:
    agent = a_task("7f3a9c", "agent", **on(1))
    known = {"services": [a_service("agent", daemon=True)], "containerInstances": [an_instance(1), an_instance(2)]}
    controller = FakeController(a_state(tasks=[agent], **known))
    after(controller, "UpdateContainerInstancesState", a_state(tasks=[stopped(agent)], **known))
    terminal = Terminal(controller)
    assert terminal.run("instance", "drain", "instance-1", "--no-wait") == 0
    assert "service agent, a DAEMON: 7f3a9c ends with the drain" in terminal.err.getvalue()
    assert "elsewhere" not in terminal.err.getvalue()


def test_a_drain_that_is_held_open_is_exit_code_124_and_names_who_holds_it() -> None:
    terminal = Terminal(a_room())
    assert terminal.run("instance", "drain", "instance-1", "--timeout", "0.01s") == 124
    assert "instance-1 still has 2 tasks after 0.01s" in terminal.err.getvalue()
    assert "service web still has 7f3a9c there; standalone 31f0aa: nobody moves it" in terminal.err.getvalue()
    assert "next: chaos-ecs task stop 31f0aa" in terminal.err.getvalue()


def test_a_drain_of_the_last_that_takes_tasks_says_that_nothing_can_move() -> None:
    terminal = Terminal(a_room(containerInstances=[an_instance(1), an_instance(2, status="DRAINING")]))
    assert terminal.run("instance", "drain", "instance-1", "--no-wait") == 0
    assert "no other container instance takes tasks: nothing can move" in terminal.err.getvalue()
    assert terminal.out.getvalue() == "instance-1 ACTIVE, 2 tasks\n"  # as the state is at that moment


def test_more_than_ten_are_drained_in_several_calls() -> None:
    many = [{**an_instance(1), "name": f"m{n}", "arn": instance_arn(f"{n:04x}")} for n in range(1, 13)]
    controller = a_room(containerInstances=many)
    Terminal(controller).run("instance", "drain", *[item["name"] for item in many], "--no-wait")
    assert [len(members["containerInstances"]) for _, members in controller.calls] == [10, 2]


def test_one_that_is_gone_meanwhile_is_a_refusal() -> None:
    controller = a_room()
    failures = [{"arn": instance_arn("1111"), "reason": "MISSING"}]
    controller.answers["UpdateContainerInstancesState"] = {"containerInstances": [], "failures": failures}
    terminal = Terminal(controller)
    assert terminal.run("instance", "drain", "instance-1") == 3
    assert "why:  MISSING" in terminal.err.getvalue()


def test_activate_lets_tasks_come_again() -> None:
    controller = a_room(containerInstances=[an_instance(1, status="DRAINING")])
    after(controller, "UpdateContainerInstancesState", a_room().state)
    terminal = Terminal(controller)
    assert terminal.run("instance", "activate", "instance-1") == 0
    assert controller.calls[0][1]["status"] == "ACTIVE"
    assert terminal.out.getvalue() == "instance-1 ACTIVE, 2 tasks\n"
    assert "what has moved comes back only where a service evens out its zones" in terminal.err.getvalue()


# --- names ---


@pytest.mark.parametrize("text", ["instance-2", "2222", instance_arn("2222"), "2" * 4 + "0" * 28])
def test_a_container_instance_is_found_by_its_name_its_arn_and_the_first_digits_of_its_id(text: str) -> None:
    controller = a_room()
    Terminal(controller).run("instance", "activate", text)
    assert controller.calls[0][1]["containerInstances"] == [instance_arn("2222")]


def test_what_is_not_there_is_refused_with_what_is() -> None:
    terminal = Terminal(a_room())
    assert terminal.run("instance", "drain", "instance-9") == 3
    assert "E-NO-INSTANCE: There is no container instance instance-9" in terminal.err.getvalue()
    assert "instance-1, instance-2, instance-3" in terminal.err.getvalue()
    bare = Terminal(FakeController(a_state()))
    assert bare.run("instance", "drain", "x") == 3
    assert "next: chaos-ecs instance add" in bare.err.getvalue()


def test_digits_that_fit_several_ask_for_a_name() -> None:
    twins = [an_instance(1), {**an_instance(2), "arn": instance_arn("11112")}]
    terminal = Terminal(a_room(containerInstances=twins))
    assert terminal.run("instance", "activate", "1111") == 2
    assert "it could be instance-1, instance-2" in terminal.err.getvalue()


def test_tab_completes_names(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = Snapshot.of(a_room().state)
    monkeypatch.setattr(completion, "_seen", lambda ctx: (snapshot, CLUSTER))
    assert completion.instances(None, "instance-2") == [("instance-2", "us-east-1b ACTIVE")]  # type: ignore[arg-type]


# --- remove ---


def test_an_empty_one_is_removed_at_once_and_the_last_one_says_what_that_means() -> None:
    controller = a_room(a_task("7f3a9c", "web"), containerInstances=[an_instance(1, running=0)])
    terminal = Terminal(controller)
    assert terminal.run("instance", "remove", "instance-1") == 0
    assert controller.calls == [
        ("DeregisterContainerInstance", {"cluster": CLUSTER, "containerInstance": instance_arn("1111")})
    ]
    assert terminal.out.getvalue() == "instance-1 is removed\n"
    assert "new tasks run on the controller's own engine again" in terminal.err.getvalue()


def test_one_with_tasks_is_refused_by_name_and_says_how_else() -> None:
    controller = a_room()
    controller.answers["DeregisterContainerInstance"] = refusing(
        "InvalidParameterException", "Found running tasks on the instance."
    )
    terminal = Terminal(controller)
    assert terminal.run("instance", "remove", "instance-1") == 5
    assert terminal.err.getvalue() == (
        "InvalidParameterException: instance-1 was not removed\n"
        "  why:  Found running tasks on the instance: 31f0aa, 7f3a9c\n"
        "  next: chaos-ecs instance drain instance-1, or: chaos-ecs instance remove instance-1 --force\n"
    )


def test_force_asks_before_tasks_are_stopped() -> None:
    silent = a_room()
    terminal = Terminal(silent)
    assert terminal.run("instance", "remove", "instance-1", "--force") == 5
    assert silent.calls == []
    assert "next: chaos-ecs instance remove instance-1 --force --yes" in terminal.err.getvalue()
    for answer, code in (("n", 5), ("y", 0)):
        asked = Terminal(a_room(), asks=True, read_answer=lambda answer=answer: answer)
        assert asked.run("instance", "remove", "instance-1", "--force") == code
        assert "Stop 2 tasks and remove instance-1?" in asked.err.getvalue()


def test_force_and_yes_stop_its_tasks_and_say_what_becomes_of_them() -> None:
    controller = a_room()
    terminal = Terminal(controller)
    assert terminal.run("instance", "remove", "instance-1", "--force", "--yes") == 0
    assert controller.calls[0][1]["force"] is True
    assert terminal.out.getvalue() == "instance-1 is removed, 2 tasks stopped\n"
    assert "service web replaces what was stopped" in terminal.err.getvalue()
    assert "nobody replaces 31f0aa" in terminal.err.getvalue()


# --- other views ---


@pytest.mark.parametrize("width", [50, 60, 80, 100])
def test_ps_tells_the_instance_only_where_there_is_one(width: int) -> None:
    terminal = Terminal(a_room(), terminal=True, columns=lambda: width)
    terminal.run("ps")
    head, *rows = terminal.out.getvalue().splitlines()
    assert "INSTANCE" in head
    assert max(map(len, (head, *rows))) <= width
    assert len(rows) == 4, "one row each"
    assert "instance-1" in rows[0]
    bare = Terminal(FakeController(a_state(services=[a_service()], tasks=[a_task("7f3a9c", "web")])))
    bare.run("ps")
    assert "INSTANCE" not in bare.out.getvalue()


def test_a_task_that_is_on_none_has_a_dash_beside_those_that_are() -> None:
    terminal = Terminal(a_room(a_task("7f3a9c", "web", **on(1)), a_task("c9d550", "web")))
    terminal.run("ps")
    assert [row.split()[3:5] for row in terminal.out.getvalue().splitlines()] == [
        ["INSTANCE", "ZONE"],
        ["instance-1", "us-east-1a"],
        ["-", "-"],
    ]


def test_describe_says_where_a_task_is_and_how_a_service_is_spread() -> None:
    controller = a_room(a_task("7f3a9c", "web", **on(1)), a_task("c9d550", "web", **on(1)), a_task("e41b07", "web"))
    controller.answers["DescribeTasks"] = {"tasks": [{}]}
    controller.answers["DescribeServices"] = {"services": [{}]}
    task = Terminal(controller)
    task.run("task", "describe", "7f3a9c")
    assert "instance         instance-1 in us-east-1a" in task.out.getvalue()
    service = Terminal(controller)
    service.run("service", "describe", "web")
    assert "placed           us-east-1a 2, on no container instance 1" in service.out.getvalue()


def framed(controller: FakeController, width: int) -> list[str]:
    frame = panel.Frame(width, 24, UNICODE, AT + 60, AT)
    return panel.rows(Snapshot.of(controller.state), CLUSTER, frame)


def test_a_port_on_a_further_engine_is_told_with_that_machines_address() -> None:
    far = a_task("7f3a9c", "web", host_port=32768, address="10.0.0.7", **on(2))
    near = a_task("c9d550", "web", host_port=32769, **on(1))
    terminal = Terminal(a_room(far, near))
    terminal.run("ps")
    assert "10.0.0.7:32768" in terminal.out.getvalue()
    assert "127.0.0.1:32769" in terminal.out.getvalue()
    del near["containers"][0]["bindings"][0]["bindIP"]
    terminal = Terminal(a_room(near))
    terminal.run("ps")
    assert "127.0.0.1:32769" in terminal.out.getvalue(), "of a controller that is older than this command"
    controller = a_room(far, near)
    controller.answers["DescribeTasks"] = {"tasks": [{}]}
    terminal = Terminal(controller)
    terminal.run("task", "describe", "7f3a9c")
    assert "10.0.0.7:32768->8080" in terminal.out.getvalue()


def test_the_panel_has_one_row_of_container_instances_those_in_trouble_first() -> None:
    known = [an_instance(1), an_instance(2, agentConnected=False), an_instance(3, status="DRAINING")]
    controller = a_room(containerInstances=known)
    (row,) = [row for row in framed(controller, 80) if row.startswith(" instances")]
    assert row == " instances  instance-2 LOST 1  instance-3 DRAINING 1  instance-1 2"
    (row,) = [row for row in framed(controller, 50) if row.startswith(" instances")]
    assert row == " instances  instance-2 LOST 1  +2 more"
    assert any("7f3a9c" in row and "instance-1" in row for row in framed(controller, 60))
    assert not any("instances" in row for row in framed(a_room(containerInstances=[]), 80))


def test_a_service_without_room_says_why_wherever_somebody_waits_for_it() -> None:
    event = (
        "(service web) was unable to place a task because no container instance met all of its requirements. The "
        f"closest matching (container-instance {instance_arn('1111').rsplit('/')[-1]}) has insufficient memory "
        "available. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
    )
    full = a_service(steady=False, desiredCount=9, unplaced=event)
    controller = FakeController(a_state(services=[full], containerInstances=[an_instance(1)]))
    controller.answers["DescribeServices"] = {"services": [{}]}
    controller.answers["UpdateService"] = {"service": {"serviceArn": full["arn"]}}
    why = "the closest, instance-1, has insufficient memory available"
    waiting = Terminal(controller)
    assert waiting.run("service", "scale", "web", "9", "--timeout", "0.01s") == 124
    assert f"no place for the others: {why}" in waiting.err.getvalue()
    looking = Terminal(controller)
    looking.run("service", "describe", "web")
    assert f"no place         {why}" in looking.out.getvalue()
    assert f"   no place     {why}" in framed(controller, 80)


def test_run_task_says_why_each_container_instance_could_not_take_it() -> None:
    controller = a_room()
    failures = [
        {"arn": instance_arn("1111"), "reason": "RESOURCE:MEMORY", "detail": "x"},
        {"arn": instance_arn("2222"), "reason": "MemberOf placement constraint unsatisfied.", "detail": "y"},
    ]
    made = {"taskArn": task_arn("abcdef"), "taskDefinitionArn": f"{BASE}:task-definition/batch-job:1"}
    controller.answers["RunTask"] = {"tasks": [made], "failures": failures}
    terminal = Terminal(controller)
    assert terminal.run("run-task", "batch-job", "--count", "3", "--no-wait") == 125
    assert terminal.err.getvalue() == (
        "E-NOT-PLACED: 2 of 3 tasks were not placed\n"
        "  why:  instance-1: RESOURCE:MEMORY (too little memory is free); instance-2: MemberOf placement constraint "
        "unsatisfied. Started all the same: abcdef\n"
        "  next: chaos-ecs instance ls, then: chaos-ecs instance add\n"
    )


def test_the_topic_is_a_page_of_help() -> None:
    terminal = Terminal(None)
    assert terminal.run("help", "instances") == 0
    assert "RESOURCE:MEMORY" in terminal.out.getvalue()


def test_a_drain_of_an_empty_one_waits_for_nothing() -> None:
    controller = a_room(a_task("c9d550", "web", **on(2)))
    terminal = Terminal(controller)
    assert terminal.run("instance", "drain", "instance-1") == 0
    assert "instance-1 has no tasks: nothing moves" in terminal.err.getvalue()
    assert "waiting" not in terminal.err.getvalue()
