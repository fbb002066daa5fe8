"""Experiments on real containers: typed with the real `aws fis`, run from a file, and as a sealed game day."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from chaos_ecs.cli.chaos.experiment_file import SAMPLES
from tests.builders import eventually
from tests.e2e.conftest import Ran, Room, opened_room

pytestmark = pytest.mark.docker

ONE_WEB = {
    "resourceType": "aws:ecs:task",
    "selectionMode": "COUNT(1)",
    "parameters": {"cluster": "my-cluster", "service": "web"},
}
TEMPLATE = {
    "description": "Lose one of three",
    "roleArn": "arn:aws:iam::123456789012:role/fis",
    "stopConditions": [{"source": "none"}],
    "targets": {"one": ONE_WEB},
    "actions": {
        "slow": {"actionId": "chaos-ecs:task-pause", "parameters": {"duration": "PT2S"}, "targets": {"Tasks": "one"}},
        "lose": {"actionId": "aws:ecs:stop-task", "targets": {"Tasks": "one"}, "startAfter": ["slow"]},
    },
}
BELOW_3 = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:web-healthy-below-3"
DAY = """\
title: A day of e2e
rounds:
  - name: one is gone
    brief: Something happens to one of three.
    fault: kill
    selection: {service: web, count: 1}
    predictions:
      - {ask: "How many new tasks?", number: true, measure: replacements}
      - {ask: "Which stopCode?", choices: [UserInitiated, EssentialContainerExited], measure: stop-code}
    diagnosis: {choices: [it was killed, it hangs], answer: it was killed}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, engine_client: docker.APIClient) -> Iterator[Room]:
    """A service of three behind the load balancer."""
    rooms = opened_room(tmp_path_factory.mktemp("lab"), engine_client)
    room = next(rooms)
    room.ok("service", "up", "--desired", "3")
    yield room
    next(rooms, None)


def fis(room: Room, *arguments: str) -> Any:
    ran = room.aws_raw(*arguments, service="fis")
    assert ran.code == 0, ran
    return json.loads(ran.out)


def begun(room: Room, template: dict[str, Any], *more: str) -> str:
    """The id of an experiment of a template that is made for it."""
    made = fis(room, "create-experiment-template", "--cli-input-json", json.dumps(template))["experimentTemplate"]["id"]
    return str(fis(room, "start-experiment", "--experiment-template-id", made, *more)["experiment"]["id"])


def ended(room: Room, experiment: str, *, within: float = 30) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        told: dict[str, Any] = fis(room, "get-experiment", "--id", experiment)["experiment"]
        return told if told["state"]["status"] in ("completed", "stopped", "failed") else {}

    return eventually(look, within=within)


def statuses(told: dict[str, Any]) -> dict[str, str]:
    return {"": told["state"]["status"]} | {name: item["state"]["status"] for name, item in told["actions"].items()}


def nothing_is_paused(room: Room) -> None:
    assert [item["Status"] for item in room.containers() if "Paused" in item["Status"]] == []


def is_whole(room: Room) -> bool:
    told = room.aws("describe-services", "--cluster", "my-cluster", "--services", "web")["services"][0]
    return bool(told["runningCount"] == 3 and len(told["deployments"]) == 1 and len(room.containers()) >= 3)


def test_two_actions_one_after_the_other_typed_with_the_aws_cli(lab: Room) -> None:
    actions = [item["id"] for item in fis(lab, "list-actions")["actions"]]
    assert {"aws:ecs:stop-task", "chaos-ecs:task-pause"} <= set(actions)
    experiment = begun(lab, TEMPLATE)
    told = ended(lab, experiment)
    assert statuses(told) == {"": "completed", "slow": "completed", "lose": "completed"}, told
    assert told["actions"]["slow"]["endTime"] <= told["actions"]["lose"]["startTime"]
    assert experiment in [item["id"] for item in fis(lab, "list-experiments")["experiments"]]
    (victim,) = fis(lab, "list-experiment-resolved-targets", "--experiment-id", experiment)["resolvedTargets"]
    arn = victim["targetInformation"]["resourceArn"]
    stopped = lab.aws("describe-tasks", "--cluster", "my-cluster", "--tasks", arn)["tasks"][0]
    assert (stopped["lastStatus"], stopped["stopCode"]) == ("STOPPED", "UserInitiated")
    eventually(lambda: is_whole(lab), within=30)
    nothing_is_paused(lab)


def test_an_alarm_stops_it_and_nothing_stays_paused(lab: Room) -> None:
    slow = {**TEMPLATE["actions"]["slow"], "parameters": {"duration": "PT2M"}}  # type: ignore[index]
    conditions = [{"source": "aws:cloudwatch:alarm", "value": BELOW_3}]
    experiment = begun(lab, {**TEMPLATE, "actions": {"slow": slow}, "stopConditions": conditions})
    told = ended(lab, experiment)
    assert statuses(told) == {"": "stopped", "slow": "stopped"}
    assert told["state"]["reason"].startswith(
        "Experiment halted by stop condition. Alarm web-healthy-below-3: web has 2"
    )
    nothing_is_paused(lab)
    eventually(lambda: is_whole(lab), within=30)


def test_a_preview_hurts_nobody_and_the_safety_lever_refuses_everything(lab: Room) -> None:
    before = sorted(item["Id"] for item in lab.containers())
    experiment = begun(lab, TEMPLATE, "--experiment-options", "actionsMode=skip-all")
    assert statuses(ended(lab, experiment)) == {"": "completed", "slow": "skipped", "lose": "skipped"}
    assert len(fis(lab, "list-experiment-resolved-targets", "--experiment-id", experiment)["resolvedTargets"]) == 1
    lever = ("update-safety-lever-state", "--id", "default", "--state")
    fis(lab, *lever, "status=engaged,reason=lunch")
    template = fis(lab, "list-experiment-templates")["experimentTemplates"][0]["id"]
    refused = lab.aws_raw("start-experiment", "--experiment-template-id", template, service="fis")
    assert refused.code != 0
    assert "ConflictException" in refused.err
    assert "The safety lever is engaged: lunch" in refused.err
    fis(lab, *lever, "status=disengaged,reason=back")
    assert fis(lab, "get-safety-lever", "--id", "default")["safetyLever"]["state"]["status"] == "disengaged"
    assert sorted(item["Id"] for item in lab.containers()) == before


def test_the_sample_experiment_passes_with_a_journal_and_is_exported_for_fis(lab: Room, tmp_path: Path) -> None:
    text = (SAMPLES / "lose-one.yaml").read_text(encoding="utf-8")
    probe = f"      - {{name: it answers, tolerance: 200, provider: {{type: http, url: '{_url(lab)}'}}}}\n"
    path = tmp_path / "lose-one.yaml"
    path.write_text(text.replace("    probes:\n", f"    probes:\n{probe}"))
    ran = lab.run("chaos", "run", str(path))
    assert ran.code == 0, ran
    assert ran.out.startswith("PASSED Lose one of three tasks of web")
    (journal,) = (lab.home / "journals").glob("experiment-*.json")
    kept = json.loads(journal.read_text())
    assert (kept["status"], kept["deviated"]) == ("completed", False)
    assert [item["status"] for item in kept["run"]] == ["succeeded", "succeeded"]
    assert kept["x-chaos-ecs"]["client"]["web"]["requests"] > 0
    assert [item["met"] for item in kept["x-chaos-ecs"]["expectations"]] == [True, True]
    assert fis(lab, "list-experiment-templates", "--query", "length(experimentTemplates)") == 3  # ours is gone
    nothing_is_paused(lab)
    exported = lab.ok("chaos", "export", str(path)).out
    fis(lab, "create-experiment-template", "--cli-input-json", exported)


def test_a_round_of_a_sealed_game_day_is_played_and_scored(lab: Room, tmp_path: Path) -> None:
    day, answers = tmp_path / "day.yaml", tmp_path / "answers"
    day.write_text(DAY)
    answers.write_text("1\nEssentialContainerExited\n1\n")
    sealed = lab.ok("chaos", "gameday", "seal", str(day)).out.strip()
    ran: Ran = lab.ok("chaos", "gameday", sealed, "--answers", str(answers), "--player", "ada", "--json")
    assert (ran.json["points"], ran.json["of"]) == (4, 4), ran
    kept = lab.home / "gameday" / "a-day-of-e2e-1.json"
    assert lab.ok("chaos", "gameday", "score", str(kept), "--json").json["scores"][0]["player"] == "ada"
    told = lab.ok("events", "--json").out
    faults = [json.loads(line) for line in told.splitlines() if '"FAULT_' in line][-3:]
    assert [item["data"]["name"] for item in faults][:2] == ["sealed", "sealed"]


def _url(room: Room) -> str:
    """Where the load balancer listens."""
    ran = room.ok("service", "up", "--desired", "3")
    found = re.search(r"http://127\.0\.0\.1:\d+", ran.out + ran.err)
    assert found, ran
    return f"{found[0]}/"
