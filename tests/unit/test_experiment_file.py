"""What an experiment's file may say: refusals by line and member, tolerances, expectations, export, samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaos_ecs.chaos import alarms, catalogue, parameters
from chaos_ecs.cli import topics
from chaos_ecs.cli.chaos import expectations, experiment_export, experiment_file, gameday_file, marked, providers
from chaos_ecs.cli.chaos.expectations import Expected, Measured, Traffic, findings, traffic_between
from chaos_ecs.cli.chaos.experiment_file import ExperimentFile
from chaos_ecs.cli.chaos.hypothesis import tolerance_of
from chaos_ecs.cli.chaos.providers import Kind
from chaos_ecs.cli.recovery import Death
from chaos_ecs.cli.snapshot import Client
from chaos_ecs.errors import ChaosEcsError
from tests.unit.fake_controller import service_arn, task_arn

PLAIN = """\
description: Lose one
targets:
  one: {resourceType: "aws:ecs:task", selectionMode: COUNT(1), parameters: {service: web}}
actions:
  lose: {actionId: "aws:ecs:stop-task", targets: {Tasks: one}}
"""
PROBE = """\
      - name: three
        provider: {type: chaos-ecs, func: healthy-count, arguments: {service: web}}
        tolerance: 3
"""


def parsed(text: str) -> ExperimentFile:
    return experiment_file.of_text(text, "lab.yaml", "my-cluster")


def refusal(text: str) -> ChaosEcsError:
    with pytest.raises(ChaosEcsError) as caught:
        parsed(text)
    return caught.value


def hypothesis(probe: str) -> str:
    return f"{PLAIN}x-chaos-ecs:\n  steady-state-hypothesis:\n    probes:\n{probe}"


# --- what is taken ---


def test_what_aws_needs_and_there_is_not_here_is_filled_in_and_told() -> None:
    file = parsed(PLAIN)
    assert file.template["stopConditions"] == [{"source": "none"}]
    assert file.template["targets"]["one"]["parameters"] == {"cluster": "my-cluster", "service": "web"}
    assert file.template["roleArn"].startswith("arn:aws:iam::000000000000:")
    assert file.added == ("cluster of target one: my-cluster", "stopConditions", "roleArn")
    assert (file.seed, file.hypothesis, file.expected) == (None, None, Expected())


def test_a_target_by_arn_tag_or_filter_gets_no_cluster() -> None:
    other = "{resourceType: 'aws:ecs:task', selectionMode: ALL, resourceTags: {team: red}}"
    file = parsed(PLAIN.replace(PLAIN.splitlines()[2].partition(": ")[2], other))
    assert file.template["targets"]["one"] == {
        "resourceType": "aws:ecs:task",
        "selectionMode": "ALL",
        "resourceTags": {"team": "red"},
    }


def test_numbers_among_parameters_are_taken_as_they_are_written() -> None:
    file = parsed(
        PLAIN.replace("targets: {Tasks: one}}", "targets: {Tasks: one}, parameters: {port: 8080, code: 010}}")
    )
    assert file.template["actions"]["lose"]["parameters"] == {"port": "8080", "code": "010"}


@pytest.mark.parametrize(
    ("action", "written", "sent"),
    [
        ("aws:fis:wait", {"duration": "4s"}, {"duration": "PT4S"}),
        ("aws:fis:wait", {"duration": "90"}, {"duration": "PT1M30S"}),
        ("aws:fis:wait", {"duration": "PT90S"}, {"duration": "PT90S"}),
        ("aws:fis:wait", {"duration": "pt0.5s"}, {"duration": "PT0.5S"}),
        ("aws:fis:wait", {"duration": "soon"}, {"duration": "soon"}),  # the controller's to refuse, beside its line
        ("chaos-ecs:task-oom", {"timeout": "2m", "step": "8"}, {"timeout": "PT2M", "step": "8"}),
        ("chaos-ecs:task-network-rate", {"latency": "400ms"}, {"latency": "400ms"}),  # tc's own word, no duration
        ("aws:ec2:reboot-instances", {"duration": "1m", "port": "30"}, {"duration": "PT1M", "port": "30"}),
    ],
)
def test_durations_are_written_as_people_do_and_sent_and_exported_as_fis_does(
    action: str, written: dict[str, str], sent: dict[str, str]
) -> None:
    actions = {"a": {"actionId": action, "parameters": written}}
    file = parsed(json.dumps({"description": "x", "actions": actions}))
    for template in (file.template, json.loads(experiment_export.as_template(file))):
        assert template["actions"]["a"]["parameters"] == sent


def test_json_with_tabs_and_what_get_experiment_template_prints_are_taken() -> None:
    told = {"experimentTemplate": {**parsed(PLAIN).template, "id": "EXT1", "creationTime": 1.5, "tags": {}}}
    file = parsed(json.dumps(told, indent="\t"))
    assert file.title == "Lose one"
    assert "id" not in file.template


def test_yaml_is_read_as_yaml_1_2_so_no_is_a_word() -> None:
    root = marked.parsed("a: no\nb: 12:30\nc: 2026-01-02\nd: true\ne: 1e3\n", "f")
    assert root.plain == {"a": "no", "b": "12:30", "c": "2026-01-02", "d": True, "e": 1000.0}


# --- what is refused: the line, the member, and what to write instead ---


@pytest.mark.parametrize(
    ("text", "where", "why", "fix"),
    [
        ("", "lab.yaml is empty", "says nothing", "help experiments"),
        ("- 1", "line 1", "must have members", "NAME: {...}"),
        ("a: [1", "line 1, column 6", "neither YAML nor JSON", "indented by spaces"),
        ("a: 1\na: 2", "line 2: a", "stands here twice, first in line 1", "Keep one"),
        ("a: !!python/name:os.system x", "line 1: a", "tag", "Leave the tag out"),
        ("a: &x [*x]", "line 1: a[0]", "go too deep", "Write less"),
        ("[" * 3000, "lab.yaml goes too deep", "nobody writes that", "Write less"),
        ("method: []", "line 1: method", "Chaos Toolkit", "let Chaos Toolkit itself run it"),
        ("rounds: []", "line 1: rounds", "game day", "chaos-ecs chaos gameday lab.yaml"),
        ("targets: {}", "line 1", "lacks the member description", "Write description:"),
        ("description: x", "line 1", "lacks the member actions", "Write actions:"),
        ("description: x\nactions: {}", "line 2: actions", "there is no action", "Write actions:"),
        ("description: x\nactions: []", "line 2: actions", "must have members, and is a list", "actions: {...}"),
        ("description: []\nactions: {a: 1}", "line 1: description", "must be text, and is a list", "some words"),
        (PLAIN.replace("actionId", "actionID"), "line 5: actions.lose.actionID", "no member actionID", "mean actionId"),
        (PLAIN.replace("targets:\n", "target:\n"), "line 2: target", "no member target", "Did you mean targets?"),
        (
            PLAIN.replace("selectionMode: COUNT(1), ", ""),
            "line 3: targets.one",
            "lacks the member selectionMode",
            "COUNT",
        ),
        (PLAIN + "colour: red", "line 6: colour", "no member colour", "There are: description"),
        (
            PLAIN + "stopConditions: [{value: x}]",
            "line 6: stopConditions[0]",
            "lacks the member source",
            "source: none",
        ),
        (PLAIN + "x-chaos-ecs: {seed: soon}", "line 6: x-chaos-ecs.seed", "whole number", "Write seed: 1"),
        (PLAIN + "x-chaos-ecs: {seed: -1}", "x-chaos-ecs.seed", "is '-1'", "Write seed"),
        (PLAIN + "x-chaos-ecs: {seed: true}", "x-chaos-ecs.seed", "is 'true'", "Write seed"),
        (PLAIN + "x-chaos-ecs: {expects: {}}", "x-chaos-ecs.expects", "no member expects", "Did you mean expect?"),
        (
            PLAIN + "x-chaos-ecs: {expect: {recoveredWithin: soon}}",
            "expect.recoveredWithin",
            "no duration: 'soon'",
            "PT30S",
        ),
        (
            PLAIN + "x-chaos-ecs: {expect: {recoveredWithin: 0s}}",
            "expect.recoveredWithin",
            "more than nothing",
            "PT30S",
        ),
        (PLAIN + "x-chaos-ecs: {expect: {availability: 101}}", "expect.availability", "share in percent", "99.9"),
        (
            PLAIN + "x-chaos-ecs: {expect: {availability: '99'}}",
            "expect.availability",
            "must be a number",
            "without quotes",
        ),
        (
            PLAIN + "x-chaos-ecs: {expect: {standaloneReplaced: no}}",
            "standaloneReplaced",
            "true or false, and is 'no'",
            "true",
        ),
        (
            hypothesis("      []\n"),
            "line 8: x-chaos-ecs.steady-state-hypothesis.probes",
            "has no probe",
            "leave the hyp",
        ),
        (hypothesis(PROBE.replace("tolerance", "tolerances")), "probes[0].tolerances", "no member", "mean tolerance"),
        (
            hypothesis(PROBE.replace("        tolerance: 3\n", "")),
            "probes[0]",
            "lacks the member tolerance",
            "tolerance: 3",
        ),
        (
            hypothesis(PROBE.replace("healthy-count", "healty-count")),
            "provider.func",
            "no healty-count",
            "mean healthy-count",
        ),
        (
            hypothesis(PROBE.replace("service: web", "over: 5s")),
            "arguments.over",
            "no member over",
            "There are: service",
        ),
        (
            hypothesis(PROBE.replace("tolerance: 3", "tolerance: yes")),
            "tolerance",
            "a number: yes can never",
            "tolerance: 3",
        ),
        (
            hypothesis(PROBE.replace("type: chaos-ecs", "type: process")),
            "provider.type",
            "must not run programs",
            "type: http",
        ),
        (
            hypothesis(PROBE.replace("type: chaos-ecs", "type: python")),
            "provider.type",
            "must not run programs",
            "type: http",
        ),
        (hypothesis(PROBE.replace("type: chaos-ecs", "type: grpc")), "provider.type", "no grpc here", "mean http?"),
        (
            hypothesis(PROBE.replace("tolerance: 3", "tolerance: {type: jsonpath, path: x}")),
            "tolerance.type",
            "not supported",
            "range",
        ),
        (
            hypothesis(PROBE.replace("tolerance: 3", "tolerance: {type: range, range: [3, 2]}")),
            "tolerance.range",
            "lower one first",
            "[99, 100]",
        ),
        (
            hypothesis(PROBE.replace("tolerance: 3", "tolerance: {type: regex, pattern: x}")),
            "tolerance",
            "a number",
            "range",
        ),
    ],
    ids=lambda value: None,
)
def test_a_bad_file_is_refused_by_line_and_member_with_what_to_write(text: str, where: str, why: str, fix: str) -> None:
    error = refusal(text)
    assert (error.code, error.exit_code) == ("E-FILE", 2)
    assert where in error.what, error.what
    assert why in error.why, error.why
    assert fix in error.hint, error.hint


HTTP = """\
      - name: answers
        provider: {type: http, url: "http://127.0.0.1:1/"}
        tolerance: 200
"""


@pytest.mark.parametrize(
    ("now", "instead", "where", "why"),
    [
        ('url: "http://127.0.0.1:1/"', 'url: "ftp://x"', "provider.url", "no http URL"),
        ('url: "http://127.0.0.1:1/"', "", "provider", "lacks the member url"),
        ("type: http,", "type: http, method: POST,", "provider.method", "POST is refused"),
        ("type: http,", "type: http, timeout: 0,", "provider.timeout", "at most 60 seconds"),
        ("tolerance: 200", "tolerance: true", "tolerance", "true can never be met"),
        (
            "tolerance: 200",
            "tolerance: {type: range, range: [1, 2], target: body}",
            "tolerance.target",
            "a body is text",
        ),
        ("tolerance: 200", "tolerance: {type: regex, pattern: '('}", "tolerance.pattern", "no regular expression"),
    ],
)
def test_a_bad_http_probe_is_refused_by_its_member(now: str, instead: str, where: str, why: str) -> None:
    error = refusal(hypothesis(HTTP.replace(now, instead)))
    assert where in error.what
    assert why in error.why


def test_a_file_that_is_too_large_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    large, binary = tmp_path / "large.yaml", tmp_path / "binary.yaml"
    large.write_bytes(b"#" * (marked.MOST_BYTES + 1))
    binary.write_bytes(b"\xff\xfe\x00")
    for path, said in ((large, "too large"), (binary, "no text"), (tmp_path / "none.yaml", "There is no file")):
        with pytest.raises(ChaosEcsError) as caught:
            experiment_file.read(str(path), "c")
        assert said in caught.value.what
        assert caught.value.exit_code == 2


def test_a_refusal_of_the_controller_is_put_beside_the_line_it_is_about() -> None:
    file = parsed(PLAIN)
    said = ChaosEcsError("ValidationException", "refused", "Action lose: there is no target two.", "chaos-ecs ps")
    located = file.located(said)
    assert (located.code, located.what) == ("ValidationException", "lab.yaml, line 5: actions.lose")
    assert "chaos-ecs chaos faults" in located.hint
    about = ChaosEcsError("ValidationException", "refused", "Target one is used by no action.", "")
    assert file.located(about).what == "lab.yaml, line 3: targets.one"


# --- tolerances ---


@pytest.mark.parametrize(
    ("text", "kind", "output", "met"),
    [
        ("3", Kind.NUMBER, 3, True),
        ("3", Kind.NUMBER, 2, False),
        ("99.5", Kind.NUMBER, 99.5, True),
        ("[2, 3]", Kind.NUMBER, 2.5, True),  # two numbers are the ends of a range, as in the toolkit
        ("[2, 3, 5]", Kind.NUMBER, 4, False),
        ("{type: range, range: [99, 100]}", Kind.NUMBER, 99, True),
        ("{type: range, range: [99, 100]}", Kind.NUMBER, 98.99, False),
        ("true", Kind.TRUTH, True, True),
        ("true", Kind.TRUTH, False, False),
        ("200", Kind.HTTP, {"status": 200, "body": ""}, True),
        ("200", Kind.HTTP, {"status": 503, "body": ""}, False),
        ("[200, 204]", Kind.HTTP, {"status": 204, "body": ""}, True),
        ("[200, 204]", Kind.HTTP, {"status": 202, "body": ""}, False),
        ("fine", Kind.HTTP, {"status": 500, "body": "fine"}, True),
        ("{type: range, range: [200, 299]}", Kind.HTTP, {"status": 204, "body": ""}, True),
        ("{type: regex, pattern: '^task [0-9a-f]+'}", Kind.HTTP, {"status": 200, "body": "task 7f"}, True),
        ("{type: regex, pattern: '^5', target: status}", Kind.HTTP, {"status": 200, "body": "5"}, False),
    ],
)
def test_a_tolerance_means_what_it_means_in_the_toolkit(text: str, kind: Kind, output: Any, met: bool) -> None:
    member = marked.parsed(f"tolerance: {text}", "f").members()["tolerance"]
    assert tolerance_of(member, kind).is_met(output) is met


# --- expectations ---

WEB = service_arn("web")


def death(service: str = WEB, *replacements: str) -> Death:
    return Death(task_arn("7f3a9c"), service, stopped=True, replacements=list(replacements))


@pytest.mark.parametrize(
    ("expected", "measured", "met", "said"),
    [
        (Expected(recovered_within=3), Measured([death()], {WEB: 2.9}), True, "web 2.9s"),
        (Expected(recovered_within=3), Measured([death()], {WEB: 3.1}), False, "web 3.1s"),
        (Expected(recovered_within=3), Measured([death()]), False, "web not yet"),
        (Expected(recovered_within=3), Measured([], {WEB: 3.1}), False, "web 3.1s"),
        (Expected(recovered_within=3), Measured([death("")]), None, "no service lost a task"),
        (
            Expected(standalone_replaced=False),
            Measured([death("")], watched=5),
            True,
            "7f3a9c 0 replacements 5.0s later",
        ),
        (Expected(standalone_replaced=False), Measured([death("", "x")]), False, "1 replacement "),
        (Expected(standalone_replaced=True), Measured([death("")]), False, "0 replacements"),
        (Expected(standalone_replaced=False), Measured([death()]), None, "no standalone task ended"),
        (Expected(availability=99), Measured(traffic={"web": Traffic(100, 1)}), True, "web 99.00%, 1 of 100"),
        (Expected(availability=99), Measured(traffic={"web": Traffic(100, 2)}), False, "web 98.00%"),
        (Expected(availability=100), Measured(traffic={"web": Traffic(100_000, 1)}), False, "web 99.99%"),
        (
            Expected(availability=99),
            Measured(traffic={"web": Traffic(9, 0), "api": None}),
            None,
            "saw of api is not known",
        ),
        (Expected(availability=99), Measured(traffic={"web": Traffic(0, 0)}), None, "saw of web is not"),
        (Expected(availability=99), Measured(), None, "saw of the services is not"),
    ],
)
def test_what_could_not_be_measured_is_neither_met_nor_missed(
    expected: Expected, measured: Measured, met: bool | None, said: str
) -> None:
    (finding,) = findings(expected, measured)
    assert finding.met is met
    assert said in finding.measured


def test_traffic_is_the_difference_of_two_looks_and_unknown_when_the_client_began_anew() -> None:
    def client(requests: int, failed: int) -> Client:
        return Client(requests, failed, None)

    assert traffic_between(client(100, 4), client(150, 5)) == Traffic(50, 1)
    assert traffic_between(None, client(150, 5)) == Traffic(150, 5)
    assert traffic_between(client(100, 4), client(20, 0)) is None
    assert traffic_between(client(100, 4), None) is None


# --- export and samples ---


def test_an_export_is_pure_fis_and_names_what_aws_does_not_know() -> None:
    text = PLAIN.replace("aws:ecs:stop-task", "chaos-ecs:task-pause") + "x-chaos-ecs: {seed: 4}\n"
    text += (
        'stopConditions: [{source: "aws:cloudwatch:alarm", value: "arn:aws:cloudwatch:local:000000000000:alarm:a"}]\n'
    )
    file = parsed(text)
    assert set(json.loads(experiment_export.as_template(file))) == {
        "description",
        "targets",
        "actions",
        "stopConditions",
        "roleArn",
    }
    told = "\n".join(experiment_export.warnings(file))
    for part in ("x-chaos-ecs is left out", "chaos-ecs:task-pause", "alarm:a is chaos-ecs's own", "roleArn is a plac"):
        assert part in told


def exported(action: str, given: dict[str, str], **more: Any) -> list[str]:
    """The warnings about an action of this id, aimed at a task."""
    told = {"actionId": action, "parameters": given, "targets": {"Tasks": "one"}, **more}
    target = {"resourceType": "aws:ecs:task", "selectionMode": "ALL", "parameters": {"service": "web"}}
    template = {"description": "x", "targets": {"one": target}, "actions": {"hurt": told}}
    found = experiment_export.warnings(parsed(json.dumps(template)))
    return [row.removeprefix("action hurt: ") for row in found if row.startswith("action hurt: ")]


LATENCY, LOSS = "aws:ecs:task-network-latency", "aws:ecs:task-network-packet-loss"


@pytest.mark.parametrize(
    ("action", "given", "told"),
    [
        ("aws:ecs:stop-task", {}, None),
        ("aws:ecs:stop-task", {"reason": "bye"}, "aws:ecs:stop-task has no parameter reason: leave it out"),
        ("chaos-ecs:task-kill", {}, "AWS does not know chaos-ecs:task-kill, which chaos-ecs alone has"),
        ("aws:ecs:task-kill", {}, "AWS does not know aws:ecs:task-kill, nor does chaos-ecs"),
        (LATENCY, {"duration": "PT2M", "sources": "10.0.0.1,10.0.0.2"}, None),
        (LATENCY, {"duration": "PT20S"}, "a duration of PT1M or more"),
        (LATENCY, {"duration": "20s"}, "a duration of PT1M or more, and PT12H at most, and it is PT20S"),
        (LATENCY, {"duration": "90s"}, None),
        (LATENCY, {"duration": "PT13H"}, "PT12H at most"),
        (LATENCY, {"duration": "soon"}, "'soon' is no duration"),
        (LATENCY, {}, f"{LATENCY} needs the parameter duration"),
        (LATENCY, {"duration": "PT2M", "sources": "10.0.0.1, 10.0.0.2"}, "no blanks in a parameter"),
        (LOSS, {"duration": "PT2M", "exceptSources": "10.0.0.1"}, f"{LOSS} has no parameter exceptSources"),
        ("aws:ecs:task-network-blackhole-port", {"duration": "PT2M", "port": "80"}, "needs the parameter trafficType"),
        ("aws:ecs:task-kill-process", {"processName": "sh", "signal": "SIGINT"}, "takes SIGTERM or SIGKILL for signal"),
    ],
)
def test_an_export_names_what_aws_would_refuse_of_an_action(
    action: str, given: dict[str, str], told: str | None
) -> None:
    found = exported(action, given)
    assert [told in row for row in found if told] == ([True] if told else []), found


def test_an_export_says_that_a_target_is_lacking() -> None:
    given = {"duration": "PT2M"}
    (told,) = exported("aws:ecs:task-cpu-stress", given, targets={})
    assert told == "AWS's aws:ecs:task-cpu-stress needs the target Tasks, of type aws:ecs:task"


def test_an_export_says_of_the_faults_of_an_api_whose_calls_aws_means() -> None:
    action = "{actionId: 'aws:fis:inject-api-throttle-error', parameters: {duration: PT2M, service: ecs}}"
    found = experiment_export.warnings(parsed(f"description: x\nactions: {{slow down: {action}}}"))
    for part in (
        "action slow down: AWS wants a name without blanks",
        "takes ec2 or kinesis for service, and it is ecs",
        "needs the parameter percentage",
        "needs the parameter operations",
        "needs the target Roles, of type aws:iam:role",
    ):
        assert any(part in row for row in found), part


def test_an_export_names_what_aws_would_refuse_of_a_target() -> None:
    arns = ", ".join(f"'arn:aws:ecs:us-east-1:123456789012:task/c/{digit * 32}'" for digit in "abcdef")
    target = f"{{resourceType: 'chaos-ecs:service', selectionMode: FIRST, resourceArns: [{arns}]}}"
    text = f"description: x\ntargets: {{one: {target}}}\nactions: {{lose: {{actionId: 'aws:ecs:stop-task'}}}}"
    found = experiment_export.warnings(parsed(text))
    for part in (
        "target one: AWS does not know the resource type chaos-ecs:service",
        "target one: AWS selects by ALL, COUNT(n) or PERCENT(n), and it is FIRST",
        "target one: AWS takes 5 resourceArns at most, and there are 6",
        "target one: its resourceArns are of tasks here",
    ):
        assert any(part in row for row in found), part


def test_an_alarm_of_ours_is_named_in_whatever_region_it_is_said_to_be() -> None:
    alarm = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:web-healthy-below-2"
    text = PLAIN + f"stopConditions: [{{source: 'aws:cloudwatch:alarm', value: '{alarm}'}}]\n"
    assert any(
        row.startswith(f"the alarm {alarm} is chaos-ecs's own") for row in experiment_export.warnings(parsed(text))
    )


def test_every_fault_that_aws_has_is_known_to_the_export_with_its_parameters() -> None:
    """A fault that is added with one of AWS's ids gets its row; what AWS lacks of ours is told by name."""
    ours = {kind.action_id: kind for kind in catalogue.FAULTS if kind.action_id.startswith("aws:")}
    assert list(experiment_export.ACTIONS) == sorted(ours)
    for action_id, known in experiment_export.ACTIONS.items():
        mine = {item.name for item in parameters.parameters_of(ours[action_id])}
        assert set(known.needed) <= mine
        assert set(known.optional) - mine <= {"installDependencies", "useEcsFaultInjectionEndpoints"}


def test_every_sample_can_be_read_by_its_name() -> None:
    experiments, days = experiment_file.samples("actions"), experiment_file.samples("rounds")
    assert (len(experiments), len(days)) == (2, 2)
    for name in experiments:
        assert experiment_file.read(name, "c").text == experiment_file.read(f"{name}.yaml", "c").text
    for name in days:
        assert gameday_file.read(name).rounds


# --- help ---


def test_the_topics_tell_every_function_expectation_measure_sample_and_alarm() -> None:
    told = " ".join(text for row in (*topics.EXPERIMENTS, *topics.ALARMS) for text in row)
    names = [*expectations.NAMES, *gameday_file.MEASURES, *providers.FUNCTIONS, *alarms.KINDS.split(" and ")]
    names += [*experiment_file.samples("actions"), *experiment_file.samples("rounds")]
    assert [name for name in names if name not in told] == []
