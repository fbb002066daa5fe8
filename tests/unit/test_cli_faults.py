"""`chaos-ecs chaos inject`: the options of each fault, what is told before, what is done, what is told after."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main

from chaos_ecs.chaos import catalogue, parameters
from chaos_ecs.chaos.fault import Fault, Scope
from chaos_ecs.cli import refusals
from chaos_ecs.cli.app import app
from chaos_ecs.cli.chaos import fault_kinds, patiently
from chaos_ecs.cli.client import lost
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.livelog import PlainScreen
from chaos_ecs.errors import ChaosEcsError
from tests.unit.fake_controller import (
    CLUSTER,
    Answer,
    FakeController,
    Keys,
    Terminal,
    a_fault,
    a_service,
    a_state,
    a_task,
    a_victim,
    event,
    over,
    refusing,
    service_arn,
    stopped,
    task_arn,
)
from tests.unit.sim_room import SimRoom
from tests.unit.test_cli_lazily import imported_by

ID = "flt-12ab34cd56"
WEB_TASKS = [a_task("7f3a9c", "web", number=1), a_task("c9d550", "web", number=2), a_task("e41b07", "web", number=3)]
PAUSE: Answer = {"means": "FREEZE", "do": [], "undo": [], "probe": None}
BLACKHOLE = {
    "means": "HOLD",
    "do": ['iptables -w -t filter -N "CECS-$TAG"', 'iptables -w -t filter -A "CECS-$TAG" -p tcp --dport 8080 -j DROP'],
    "undo": ['iptables -w -t filter -X "CECS-$TAG"'],
    "probe": "probe blackhole 8080",
}
REFUSED_TO_TAKE_ALL = "Service web would lose all 3 of its healthy tasks: nobody would be served. Say --force."


AN_INSTANCE = {
    "arn": f"{CLUSTER.replace(':cluster/', ':container-instance/')}/{'1' * 32}",
    "name": "instance-1",
    "clusterArn": CLUSTER,
    "zone": "us-east-1a",
    "status": "ACTIVE",
    "agentConnected": True,
    **dict.fromkeys(("cpu", "memory", "cpuUsed", "memoryUsed", "running", "pending"), 0),
}


def a_room(
    *victims: Answer,
    recipe: Answer = PAUSE,
    fault: Answer | None = None,
    tasks: list[Answer] | None = None,
    **plan: Any,
) -> FakeController:
    """Service web at 3 of 3; a dry run finds these victims, and what is injected into them is `fault` at once."""
    victims = victims or (a_victim("7f3a9c", "web"),)
    fault = a_fault(*victims) if fault is None else fault
    controller = FakeController(a_state(services=[a_service()], tasks=WEB_TASKS if tasks is None else tasks))
    told = {
        "name": fault["name"],
        "actionId": fault["actionId"],
        "description": fault["description"],
        "durationSeconds": fault["durationSeconds"],
        "seed": 42,
        "victims": [{"task": item["task"], "container": item["container"], **recipe} for item in victims],
        **plan,
    }

    def inject(members: Answer) -> Answer:
        if members.get("dryRun"):
            return {**told, "dryRun": True}
        holds(controller, *([] if fault["endedAt"] else [fault]))
        return {**told, "fault": fault["fault"], "dryRun": False}

    controller.answers["InjectFault"] = inject
    controller.answers["DescribeFaults"] = {"faults": [fault]}
    return controller


def holds(controller: FakeController, *faults: Answer) -> None:
    """These are open from now on."""
    controller.state = {**controller.state, "faults": list(faults)}


def injections(controller: FakeController) -> list[Answer]:
    return [members for operation, members in controller.calls if operation == "InjectFault"]


def talk_of(terminal: Terminal) -> str:
    """What it said, without the folds."""
    return " ".join(terminal.err.getvalue().split())


# --- options ---


def command_of(*words: str) -> Any:
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    return command


INJECTABLE = [fault for fault in catalogue.FAULTS if fault.scope is not Scope.NOTHING]


@pytest.mark.parametrize("fault", INJECTABLE, ids=lambda fault: fault.name)
def test_every_fault_has_a_command_whose_options_are_its_fields(fault: type[Fault]) -> None:
    command = command_of("chaos", "inject", fault.name)
    options = [name for item in command.params for name in (*item.opts, *item.secondary_opts) if name.startswith("-")]
    assert len(options) == len(set(options)), "an option means two things"
    for parameter in parameters.parameters_of(fault):
        option = next(item for item in command.params if f"--{parameter.field.replace('_', '-')}" in item.opts)
        assert (option.help, option.required) == (parameter.help, parameter.default is None)
        if parameter.default is not None:
            again = {parameter.name: str(option.default)}
            required = {item.name: "1" for item in parameters.parameters_of(fault) if item.default is None}
            assert parameters.written(parameters.made(fault, required | again)) == parameters.written(
                parameters.made(fault, required)
            )
    assert command.get_short_help_str(1000) == catalogue.sentence(fault)


def test_what_says_whom_is_there_where_a_fault_has_victims_to_choose() -> None:
    def options(name: str) -> set[str]:
        return {option for item in command_of("chaos", "inject", name).params for option in item.opts}

    whom = {"--count", "--percent-of-tasks", "--all", "--standalone", "--pattern", "--tag", "--min-age", "--container"}
    assert whom | {"--seed", "--force", "--dry-run", "--wait", "--yes"} <= options("cpu-stress")
    assert not (whom | {"--force"}) & options("crash-loop")
    assert not (whom | {"--force"}) & options("api-throttle")


@pytest.mark.parametrize(
    "arguments", [("--help",), ("chaos", "--help"), ("chaos", "undo", "--help"), ("ps",)], ids=" ".join
)
def test_what_injects_nothing_imports_no_fault(arguments: tuple[str, ...]) -> None:
    assert [name for name in imported_by(*arguments) if name.startswith("chaos_ecs.chaos")] == []


def test_a_fault_may_be_named_as_fis_names_it() -> None:
    controller = a_room()
    assert Terminal(controller).run("chaos", "inject", "chaos-ecs:task-pause", "web") == 0
    assert injections(controller)[0]["name"] == "pause"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("network-blackhole-port", "web"), "Missing option '--port'"),
        (("network-blackhole-port", "--port", "70000"), "'--port'"),
        (("pause", "--duration", "soon"), "'soon' is no duration: write 30s, 2m or PT30S"),
        (("dns-failure", "--mode", "loud"), "'loud' is none of: drop, refuse"),
        (("pause", "--tag", "team"), "'team' is not KEY=VALUE"),
        (("pause", "--percent", "50"), "Did you mean --percent-of-tasks?"),
        (("pause", "web", "--count", "2", "--all"), "one of them"),
        (("pause", "7f3a9c", "--standalone"), "named tasks are all meant"),
        (("pause", "7f3a9c", "web"), "name one service, or tasks, not both"),
        (("pause", "web", "--standalone"), "a standalone task is none of a service"),
        (("crash-loop",), "Missing argument"),
        (("pause", "--seed", "-1"), "'--seed'"),
        (("pause", "--seed", str(2**31)), "'--seed'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_command_line_that_cannot_be_understood_says_why_and_asks_nobody(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    controller = a_room()
    assert Terminal(controller).run("chaos", "inject", *words) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert controller.calls == []


@pytest.mark.parametrize(("name", "why"), [("clock-skew", "no clock of its own"), ("wait", "a step of an experiment")])
def test_what_cannot_be_injected_is_refused_with_its_reason(name: str, why: str) -> None:
    terminal = Terminal(a_room())
    assert terminal.run("chaos", "inject", name) == 2
    assert why in terminal.err.getvalue()
    assert "next: chaos-ecs chaos faults" in terminal.err.getvalue()


# --- inject ---


def test_the_plan_is_told_first_and_what_was_planned_is_what_is_done() -> None:
    controller = a_room()
    terminal = Terminal(controller)
    assert terminal.run("chaos", "inject", "pause", "web", "--duration", "30s") == 0
    asked, done = injections(controller)
    pause = {"cluster": CLUSTER, "name": "pause", "parameters": {"duration": "30s"}}
    assert asked == {**pause, "service": service_arn("web"), "dryRun": True}
    assert done == {**pause, "tasks": [task_arn("7f3a9c")], "seed": 42}
    assert terminal.err.getvalue().splitlines()[:5] == [
        "plan  pause freezes all processes for 30 s",
        "hits  7f3a9c of web",
        "how   docker pause: all of it stands still at once",
        "then  after 30s, or sooner if you say so: docker unpause, and it goes on where it stood",
        "seed  42 (--seed 42 picks the same again)",
    ]
    assert terminal.out.getvalue() == (
        f"{ID} pause ACTIVE on 7f3a9c of web, 30s left\n  7f3a9c of web: no answer within 1 s (before: 2 ms)\n"
    )
    assert f"end it sooner: chaos-ecs chaos undo {ID}" in terminal.err.getvalue()


def test_every_word_of_whom_reaches_the_controller() -> None:
    controller = a_room()
    words = ("--pattern", "w*", "--tag", "team=red", "--tag", "a=b=c", "--min-age", "2m", "--count", "2", "--seed", "7")
    assert Terminal(controller).run("chaos", "inject", "pause", *words, "--container", "app", "--force") == 0
    asked, done = injections(controller)
    assert {name: asked[name] for name in asked.keys() - {"cluster", "name", "parameters", "dryRun"}} == {
        "pattern": "w*",
        "tags": {"team": "red", "a": "b=c"},
        "minAgeSeconds": 120.0,
        "count": 2,
        "seed": 7,
        "container": "app",
        "force": True,
    }
    assert (done["container"], done["force"], "pattern" in done) == ("app", True, False)


def test_a_dry_run_tells_every_command_line_on_stdout_and_does_nothing() -> None:
    recipe = {**BLACKHOLE, "background": "exec sleep 1"}
    controller = a_room(a_victim("7f3a9c", "web"), a_victim("c9d550", "web"), recipe=recipe)
    terminal = Terminal(controller)
    assert terminal.run("chaos", "inject", "network-blackhole-port", "web", "--port", "8080", "--dry-run") == 0
    assert [members["dryRun"] for members in injections(controller)] == [True]
    assert terminal.out.getvalue().splitlines()[5:] == [
        "7f3a9c app, from a helper container (chaos-ecs/toolbox:1):",
        "c9d550 app, from a helper container (chaos-ecs/toolbox:1):",
        "  do     exec sleep 1 &",
        '         iptables -w -t filter -N "CECS-$TAG"',
        '         iptables -w -t filter -A "CECS-$TAG" -p tcp --dport 8080 -j DROP',
        '  undo   iptables -w -t filter -X "CECS-$TAG"',
        "  probe  probe blackhole 8080",
    ]
    assert "nothing was done" in terminal.err.getvalue()
    terminal = Terminal(controller)
    terminal.run("chaos", "inject", "network-blackhole-port", "--port", "8080", "--dry-run", "--json")
    assert json.loads(terminal.out.getvalue())["victims"][0]["do"] == BLACKHOLE["do"]


@pytest.mark.parametrize(
    ("recipe", "do", "undo"),
    [
        ({"means": "SIGNAL", "do": ["SIGKILL"]}, "docker kill --signal SIGKILL c0ffeec0ffee", None),
        ({"means": "FREEZE"}, "docker pause c0ffeec0ffee", "docker unpause c0ffeec0ffee"),
        ({"means": "STALL"}, "docker kill --signal STOP c0ffeec0ffee", "docker kill --signal CONT c0ffeec0ffee"),
        ({"means": "LIMIT", "do": ["PidsLimit=1"]}, "docker update --pids-limit 1 c0ffeec0ffee", "before"),
        ({"means": "DETACH", "do": ["blue"]}, "docker network disconnect blue c0ffeec0ffee", "--ip $ADDRESS blue c0ff"),
        ({"means": "STOP", "do": ["why"]}, f"--task {'7f3a9c'.ljust(32, '0')} --reason", None),
        ({"means": "EXEC", "do": ["echo 1"], "undo": ["echo 0"]}, "echo 1", "echo 0"),
    ],
    ids=lambda value: value["means"] if isinstance(value, dict) else "",
)
def test_a_dry_run_says_as_a_command_what_the_engine_is_asked(recipe: Answer, do: str, undo: str | None) -> None:
    terminal = Terminal(a_room(recipe=recipe))
    assert terminal.run("chaos", "inject", "pause", "web", "--dry-run") == 0
    told = terminal.out.getvalue()
    assert do in next(row for row in told.splitlines() if row.startswith("  do "))
    told_of_undoing = [row for row in told.splitlines() if row.startswith("  undo ")]
    assert [str(undo) in row for row in told_of_undoing] == ([] if undo is None else [True])


@pytest.mark.parametrize(
    ("means", "told"),
    [
        (
            "DETACH",
            """\
how   docker network disconnect: it runs on without an address, so nobody
      reaches it, nor does it reach anybody
then  after 30s, or sooner if you say so: docker network connect, with the
      address it had wherever that is still free
seed  42 (--seed 42 picks the same again)
7f3a9c app:
  do     docker network disconnect $NETWORK c0ffeec0ffee
  undo   docker network connect --ip $ADDRESS $NETWORK c0ffeec0ffee
""",
        ),
        (
            "STALL",
            """\
how   SIGSTOP to each of its processes: they stand still, and the engine calls
      the task running
then  after 30s, or sooner if you say so: SIGCONT to each of them, and they go
      on where they stood
seed  42 (--seed 42 picks the same again)
7f3a9c app:
  do     docker kill --signal STOP c0ffeec0ffee
         kill -s STOP -- -1   # in a helper: the others
  undo   docker kill --signal CONT c0ffeec0ffee
         kill -s CONT -- -1   # in a helper: the others
""",
        ),
    ],
)
def test_a_dry_run_says_what_happens_to_whom_and_how_it_ends_at_80_columns(means: str, told: str) -> None:
    terminal = Terminal(a_room(recipe={"means": means}), terminal=True, columns=lambda: 80)
    assert terminal.run("chaos", "inject", "hang", "web", "--dry-run") == 0
    assert terminal.out.getvalue().partition("hits  7f3a9c of web\n")[2] == told
    assert ("$NETWORK is the network of its cluster" in talk_of(terminal)) == (means == "DETACH")


@pytest.mark.parametrize(
    ("words", "why", "then"),
    [
        (("web",), "no task of service web is RUNNING", "chaos-ecs service describe web"),
        (("--standalone",), "no standalone task is RUNNING", "chaos-ecs run-task"),
        (("--pattern", "nobody"), "what you asked for fits none", "chaos-ecs ps"),
        (("--percent-of-tasks", "10"), "10 percent of those that match", "chaos-ecs chaos inject pause --count 1"),
    ],
)
def test_where_nothing_matches_the_exit_code_is_3_with_a_next_command(
    words: tuple[str, ...], why: str, then: str
) -> None:
    tasks = [a_task("77aa01")] if words == ("web",) else WEB_TASKS
    controller = a_room(tasks=tasks, victims=[])
    terminal = Terminal(controller)
    assert terminal.run("chaos", "inject", "pause", *words) == 3
    assert why in talk_of(terminal)
    assert f"next: {then}" in talk_of(terminal)
    assert len(injections(controller)) == 1


def test_the_last_healthy_task_is_refused_with_exit_code_5() -> None:
    controller = a_room()
    body = json.dumps({"__type": "ConflictException", "message": REFUSED_TO_TAKE_ALL}).encode()

    def refuse(members: Answer) -> Answer:
        raise refusals.of("InjectFault web", 400, body)

    controller.answers["InjectFault"] = refuse
    terminal = Terminal(controller)
    assert terminal.run("chaos", "inject", "pause", "web", "--all") == 5
    assert terminal.err.getvalue() == (
        "ConflictException: pause was refused\n"
        f"  why:  {REFUSED_TO_TAKE_ALL}\n"
        "  next: chaos-ecs chaos inject pause web --count 1\n"
    )


def test_a_refusal_of_the_controller_leads_to_what_the_fault_takes() -> None:
    controller = a_room()
    controller.answers["InjectFault"] = refusing("InvalidParameterException", "to: it is no address.")
    terminal = Terminal(controller)
    assert terminal.run("chaos", "inject", "network-partition", "web", "--to", "x") == 1
    assert "network-partition was refused" in terminal.err.getvalue()
    assert "next: chaos-ecs chaos faults network-partition" in terminal.err.getvalue()


def test_nobody_to_be_cut_off_from_is_exit_code_3_with_the_services_there_are() -> None:
    controller = a_room()
    message = "to: there is no service and no task x."

    def refuse(members: Answer) -> Answer:
        body = json.dumps({"__type": "InvalidParameterException", "message": message}).encode()
        raise refusals.of("InjectFault web", 400, body)

    controller.answers["InjectFault"] = refuse
    terminal = Terminal(controller)
    assert terminal.run("chaos", "inject", "network-partition", "web", "--to", "x") == 3
    assert "InvalidParameterException: network-partition was refused\n" in terminal.err.getvalue()
    assert "next: chaos-ecs service ls\n" in terminal.err.getvalue()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("puase", "did you mean pause?"),
        ("latency", "did you mean network-latency?"),
        ("foo", f"there are {len(catalogue.FAULTS)} others"),
    ],
)
def test_a_fault_that_there_is_not_cannot_be_injected_and_only_near_names_are_told(name: str, said: str) -> None:
    terminal = Terminal(None)
    assert terminal.run("chaos", "inject", name) == 3
    assert terminal.err.getvalue() == (
        f"E-NOT-FOUND: There is no fault {name}\n  why:  {said}\n  next: chaos-ecs chaos faults\n"
    )


def test_where_nobody_is_named_the_plan_and_the_help_say_that_it_hits_anyone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    room = SimRoom(Path("unused"))
    assert room.run("chaos", "inject", "pause", "--dry-run") == 0
    assert " of web: nobody was named, so any one of the 3 running tasks\n" in room.out.getvalue()
    room.run("chaos", "inject", "pause", "web", "--dry-run")
    room.run("chaos", "inject", "pause", "--count", "1", "--dry-run")
    assert room.out.getvalue().count("nobody was named") == 1
    room.close()
    Terminal(None).run("chaos", "inject", "pause", "--help")
    assert "hits any one running task of the cluster, at once" in " ".join(capsys.readouterr().out.split())


TWO = (a_victim("7f3a9c", "web"), a_victim("c9d550", "web"))


@pytest.mark.parametrize(
    ("victims", "words", "asks", "says", "code"),
    [
        (TWO, (), True, "n", 5),
        (TWO, (), True, "y", 0),
        (TWO, ("--yes",), True, "n", 0),
        (TWO, (), False, "n", 0),
        (TWO[:1], (), True, "n", 0),
        (TWO[:1], ("--force",), True, "n", 5),
    ],
    ids=["no", "yes", "--yes", "nobody there", "one victim", "--force"],
)
def test_several_victims_and_force_ask_whoever_is_there(
    victims: tuple[Answer, ...], words: tuple[str, ...], asks: bool, says: str, code: int
) -> None:
    controller = a_room(*victims)
    terminal = Terminal(controller, asks=asks, read_answer=lambda: says)
    assert terminal.run("chaos", "inject", "pause", "web", "--count", "2", *words) == code
    assert len(injections(controller)) == (1 if code else 2)
    assert ("[y/N]" in terminal.err.getvalue()) == (asks and words != ("--yes",) and (len(victims) > 1 or bool(words)))


def test_an_effect_that_is_not_known_is_exit_code_1_with_its_reason() -> None:
    reason = "it runs on 10 s after SIGTERM"
    unproven = a_victim("7f3a9c", "web", proof=None, reason=reason)
    controller = a_room(fault=over(a_fault(unproven, name="kill", durationSeconds=0.0), status="INCONCLUSIVE"))
    terminal = Terminal(controller)
    assert terminal.run("chaos", "inject", "kill", "web", "--signal", "SIGTERM") == 1
    assert f"{ID} kill INCONCLUSIVE on 7f3a9c of web\n" in terminal.out.getvalue()
    assert f"no effect known: {reason}" in terminal.out.getvalue()
    assert f"chaos-ecs chaos status {ID}" in terminal.err.getvalue()


def test_one_victim_without_an_effect_among_two_is_a_failure_too() -> None:
    mixed = a_fault(TWO[0], a_victim("c9d550", "web", proof=None, reason="no shell", status="ENDED"))
    terminal = Terminal(a_room(*TWO, fault=mixed))
    assert terminal.run("chaos", "inject", "pause", "web", "--count", "2") == 1
    assert "7f3a9c of web: no answer" in terminal.out.getvalue()
    assert "c9d550 of web: no effect known: no shell" in terminal.out.getvalue()


def dying(controller: FakeController, *, recovers: bool = True) -> None:
    """What is injected kills the task 7f3a9c; service web gets a new one at once."""
    inject: Callable[[Answer], Answer] = controller.answers["InjectFault"]  # type: ignore[assignment]

    def kill(members: Answer) -> Answer:
        answer = inject(members)
        if not members.get("dryRun"):
            new: dict[str, Any] = {"service": "web", "task": "aaaaaa", "fills": task_arn("7f3a9c")}
            controller.state["tasks"] = [stopped(WEB_TASKS[0], 137), *WEB_TASKS[1:], a_task("aaaaaa", "web")]
            controller.state["services"] = [a_service(steady=recovers)]
            controller.tell(
                event("TASK_STOPPED", number=11, service="web", task="7f3a9c", exitCode=137, noticedAfter=0.1),
                event("TASK_CREATED", number=12, decidedAfter=0.2, **new),
                event("TASK_RUNNING", number=13, runningAfter=0.4, **new),
                *([event("SERVICE_RECOVERED", number=14, service="web", seconds=0.4)] if recovers else []),
            )
        return answer

    controller.answers["InjectFault"] = kill


KILLED = over(a_fault(a_victim("7f3a9c", "web", proof="exit 137 after 0.02 s"), name="kill", durationSeconds=0.0))


def test_with_wait_a_deadly_fault_is_followed_until_the_service_recovered() -> None:
    controller = a_room(fault=KILLED, recipe={"means": "SIGNAL", "do": ["SIGKILL"]})
    dying(controller)
    terminal = Terminal(controller)
    assert terminal.run("chaos", "inject", "kill", "web", "--wait") == 0
    assert terminal.out.getvalue() == (
        f"{ID} kill COMPLETED on 7f3a9c of web\n"
        "  7f3a9c of web: exit 137 after 0.02 s\n"
        "7f3a9c -> aaaaaa  noticed after 0.10s, decided 0.20s, running 0.40s\n"
        "service web RECOVERED IN 0.4 s\n"
    )


def in_a_hurry() -> Callable[[], float]:
    """A clock by which each look takes so long that no wait lasts."""
    moments = iter(range(0, 10_000_000, 1000))
    return lambda: float(next(moments))


def test_a_service_that_does_not_recover_is_exit_code_124() -> None:
    controller = a_room(fault=KILLED)
    dying(controller, recovers=False)
    terminal = Terminal(controller, monotonic=in_a_hurry())
    assert terminal.run("chaos", "inject", "kill", "web", "--wait") == 124
    assert "Waited 5m00s for the recovery of web" in talk_of(terminal)
    assert f"next: chaos-ecs chaos status {ID}" in talk_of(terminal)


def test_an_effect_is_waited_for_while_it_may_still_show() -> None:
    injecting = a_fault(a_victim("7f3a9c", "web", status="INJECTING", proof=None), status="INJECTING", endsAt=None)
    terminal = Terminal(a_room(fault=injecting), monotonic=in_a_hurry())
    assert terminal.run("chaos", "inject", "pause", "web") == 124
    assert "waiting for the effect of pause, at most 3m00s; Ctrl-C leaves, the fault goes on" in talk_of(terminal)
    assert "E-TIMEOUT: Waited 3m00s for the effect of pause why: INJECTING" in talk_of(terminal)


def test_leaving_the_view_ends_no_fault_and_says_how_to_end_it() -> None:
    controller = a_room()
    terminal = Terminal(controller, terminal=True, dumb=True, columns=lambda: 100, keyboard=Keys("q"))
    assert terminal.run("chaos", "inject", "pause", "web", "--wait") == 130
    assert f"the fault goes on. End it: chaos-ecs chaos undo {ID}" in talk_of(terminal)
    assert "UndoFaults" not in [operation for operation, _ in controller.calls]


def test_the_result_as_json_is_one_object() -> None:
    terminal = Terminal(a_room())
    assert terminal.run("chaos", "inject", "pause", "web", "--json") == 0
    told = json.loads(terminal.out.getvalue())
    assert (told["v"], told["fault"], told["status"], told["recoveries"]) == (1, ID, "ACTIVE", [])
    assert told["victims"][0]["proof"] == "no answer within 1 s (before: 2 ms)"


def test_a_fault_of_a_service_names_it_and_one_of_the_control_plane_names_nobody() -> None:
    deploy = a_room(a_victim(service="web"), recipe={"means": "CONTROL", "do": ["deploy", "crash"]})
    deploy.answers["DescribeFaults"] = {"faults": [a_fault(a_victim(service="web"), name="crash-loop")]}
    terminal = Terminal(deploy)
    assert terminal.run("chaos", "inject", "crash-loop", "web") == 0
    asked, done = injections(deploy)
    assert (asked["service"], done["service"], "tasks" in done) == (service_arn("web"), service_arn("web"), False)
    hold = a_room(a_victim(), recipe={"means": "CONTROL", "do": ["hold"]})
    terminal = Terminal(hold)
    assert terminal.run("chaos", "inject", "agent-disconnect") == 0
    assert "hits  the control plane\nhow   the scheduler is held; no container is touched\n" in terminal.err.getvalue()
    assert "seed" not in terminal.err.getvalue()
    assert "on the control plane, 30s left" in terminal.out.getvalue()


def test_a_next_command_keeps_the_cluster_this_one_was_called_with() -> None:
    controller = a_room(victims=[])
    controller.state["clusters"].append({"arn": CLUSTER, "name": "lab", "region": "us-east-1", "status": "ACTIVE"})
    terminal = Terminal(controller)
    terminal.run("--cluster", "lab", "chaos", "inject", "pause", "--percent-of-tasks", "1")
    assert "next: chaos-ecs --cluster lab chaos inject pause --count 1" in terminal.err.getvalue()


@pytest.mark.parametrize("fault", INJECTABLE, ids=lambda fault: fault.name)
def test_the_example_of_a_fault_can_be_typed_as_it_stands(fault: type[Fault]) -> None:
    controller = a_room()
    controller.state["containerInstances"] = [AN_INSTANCE]
    words = fault_kinds.example_of(fault).split()[1:]
    assert Terminal(controller).run(*words, "--dry-run") == 0
    given = injections(controller)[0].get("parameters", {})
    parameters.made(fault, given).describe()


# --- a look that takes long ---

BUSY = refusals.of("ListFaults", 503, b'{"__type": "ServiceUnavailableException", "message": "No answer within 30 s."}')


def asking(*answers: ChaosEcsError, each: float = 0.0) -> tuple[FakeController, Terminal, list[Answer]]:
    """A controller that has these in place of an answer first, `each` so many seconds later."""
    controller, tries, clock = a_room(), [], [0.0]

    def answer(members: Answer) -> Answer:
        tries.append(members)
        clock[0] += each
        if len(tries) <= len(answers):
            raise answers[len(tries) - 1]
        return {"faults": []}

    controller.answers["ListFaults"] = answer
    return controller, Terminal(controller, sleep=lambda seconds: None, monotonic=lambda: clock[0]), tries


@pytest.mark.parametrize("trouble", [lost("timed out"), BUSY], ids=["no answer", "503"])
def test_a_slow_answer_is_asked_for_again_while_the_controller_lives(trouble: ChaosEcsError) -> None:
    controller, terminal, tries = asking(trouble, trouble, each=30)
    assert patiently.ask(terminal.shell, controller, "ListFaults", judge=True) == {"faults": []}
    assert len(tries) == 3
    assert terminal.err.getvalue() == (
        "still finding out what this engine can do, in containers of our own, 30.0s of at most 10m00s\n"
        "still finding out what this engine can do, in containers of our own, 1m00s of at most 10m00s\n"
    )


def test_an_answer_that_never_comes_is_waited_for_up_to_the_end_of_the_patience() -> None:
    controller, terminal, tries = asking(*[BUSY] * 1000, each=30)
    with pytest.raises(ChaosEcsError) as caught:
        patiently.ask(terminal.shell, controller, "ListFaults", judge=True)
    assert (caught.value.code, caught.value.exit_code, len(tries)) == ("E-TIMEOUT", 124, 20)


def test_a_controller_that_is_gone_and_a_refusal_are_not_asked_again() -> None:
    controller, terminal, tries = asking(lost("connection refused"))
    controller.is_dead = True
    with pytest.raises(ChaosEcsError, match="does not answer"):
        patiently.ask(terminal.shell, controller, "ListFaults", judge=True)
    assert len(tries) == 1
    is_a_fault = {"__type": "ServiceUnavailableException", "message": "It is a fault: chaos-ecs chaos undo --all"}
    for refusal in (refusals.of("x", 503, json.dumps(is_a_fault).encode()), refusals.of("x", 500, b"{}")):
        controller, terminal, tries = asking(refusal)
        with pytest.raises(ChaosEcsError):
            patiently.ask(terminal.shell, controller, "ListFaults")
        assert len(tries) == 1


def test_a_view_goes_on_while_the_controller_is_too_busy_to_tell_how_it_is() -> None:
    controller = a_room()
    clock, looks = [0.0], []
    usual = controller.raw_state

    def sometimes() -> Answer:
        looks.append(1)
        clock[0] += 0.5
        if len(looks) in (2, 3):
            raise BUSY
        return usual()

    controller.raw_state = sometimes  # type: ignore[method-assign]
    terminal = Terminal(controller, monotonic=lambda: clock[0])
    follower = Follower(terminal.shell, controller, PlainScreen(terminal.shell, result=False), 0)
    for number in range(1, 5):
        controller.tell(event("TASK_RUNNING", number=number, service="web", task="7f3a9c"))
        assert follower.run(lambda snapshot: True, timeout=60)
    assert "the controller is busy: No answer within 30 s." in terminal.err.getvalue()
