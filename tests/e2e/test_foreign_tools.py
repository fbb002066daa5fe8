"""Tools that nobody here wrote, unchanged as pip installs them, on real containers: ecs-deploy, and chaostoolkit.

Each is its own program and knows of chaos-ecs only what `aws-env` says; each test looks at what the tool told, and at
what the engine runs afterwards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.builders import eventually
from tests.e2e.conftest import Ran, Room, opened_room
from tests.e2e.truth import CLUSTER

pytestmark = pytest.mark.docker

PATIENCE = "120"
FARGATE = ("--launchtype", "FARGATE", "--subnet", "subnet-1", "--securitygroup", "sg-1")
STOP_ONE = {
    "description": "Lose one",
    "roleArn": "arn:aws:iam::123456789012:role/fis",
    "stopConditions": [{"source": "none"}],
    "targets": {
        "one": {
            "resourceType": "aws:ecs:task",
            "selectionMode": "COUNT(1)",
            "parameters": {"cluster": CLUSTER, "service": "web"},
        }
    },
    "actions": {"lose": {"actionId": "aws:ecs:stop-task", "targets": {"Tasks": "one"}}},
}


@dataclass(frozen=True)
class Shop:
    """A service of two tasks, made with boto3, and what its containers are."""

    room: Room
    name: str

    @property
    def place(self) -> dict[str, str]:
        return {"cluster": CLUSTER, "service": self.name}

    def described(self) -> dict[str, Any]:
        told: dict[str, Any] = self.room.ecs().describe_services(cluster=CLUSTER, services=[self.name])["services"][0]
        return told

    def revision(self) -> str:
        return str(self.described()["taskDefinition"].rpartition("/")[2])

    def status(self, revision: int) -> str:
        told = self.room.ecs().describe_task_definition(taskDefinition=f"{self.name}:{revision}")
        return str(told["taskDefinition"]["status"])

    def containers(self) -> dict[str, str]:
        """By id: the image of what the engine runs of it, and the VERSION it was given."""
        found = [one for one in self.room.containers() if one["Names"][0].startswith(f"/chaos-ecs-{self.name}-")]
        return {one["Id"]: f"{self._image(one)} {self._environment(one).get('VERSION')}" for one in found}

    def _image(self, container: dict[str, Any]) -> str:
        """By its tag: a service starts its later tasks with the digest that its first ones resolved."""
        tags: list[str] = self.room.client.inspect_image(container["ImageID"])["RepoTags"]
        return next(tag for tag in tags if tag.startswith("chaos-ecs/demo:"))

    def _environment(self, container: dict[str, Any]) -> dict[str, str]:
        return environment(self.room.client.inspect_container(container["Id"])["Config"])

    def comes_to_run(self, *wanted: str) -> dict[str, str]:
        """Waits until the engine runs these and no others."""

        def check() -> tuple[dict[str, str]]:
            found = self.containers()
            assert sorted(found.values()) == sorted(wanted)
            return (found,)  # true, even where none is wanted

        return eventually(check, within=120)[0]

    def comes_to_replace_one_of(self, before: set[str]) -> str:
        """Waits until one of these two containers is another one; which is gone."""

        def check() -> set[str]:
            found = self.containers()
            assert sorted(found.values()) == [OLD, OLD]
            return before - set(found)

        (gone,) = eventually(check, within=120)
        return gone


def environment(config: dict[str, Any]) -> dict[str, str]:
    return dict(variable.split("=", 1) for variable in config["Env"])


OLD, NEW = "chaos-ecs/demo:1 v1", "chaos-ecs/demo:2 foreign"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, engine_client: docker.APIClient) -> Iterator[Room]:
    """One for all of this file; each test has a service of its own."""
    yield from opened_room(tmp_path_factory.mktemp("foreign"), engine_client)


def a_shop(room: Room, name: str, **members: Any) -> Shop:
    """Both of its tasks run when it is handed out."""
    ecs = room.ecs()
    container = {"name": "app", "image": "chaos-ecs/demo:1", "command": ["web"], "memory": 64}
    ecs.register_task_definition(family=name, containerDefinitions=[container])
    ecs.create_service(cluster=CLUSTER, serviceName=name, taskDefinition=name, desiredCount=2, **members)
    shop = Shop(room, name)
    shop.comes_to_run(OLD, OLD)
    eventually(lambda: shop.described()["deployments"][0]["rolloutState"] == "COMPLETED", within=120)
    return shop


def deploy(shop: Shop, *arguments: str) -> Ran:
    return shop.room.tool("ecs", "deploy", CLUSTER, shop.name, *arguments)


# --- ecs-deploy ---


def test_ecs_deploy_brings_a_new_image_and_environment_into_every_container(room: Room) -> None:
    shop = a_shop(room, "deployed")
    before = set(shop.containers())
    ran = deploy(shop, "--tag", "2", "--env", "app", "VERSION", "foreign", "--timeout", PATIENCE)
    assert ran.code == 0, ran
    assert "Deployment successful" in ran.out
    assert "Successfully deregistered revision: 1" in ran.out
    assert not before & set(shop.comes_to_run(NEW, NEW))
    assert (shop.revision(), shop.status(1), shop.status(2)) == ("deployed:2", "INACTIVE", "ACTIVE")
    ran = room.tool("ecs", "diff", "deployed", "1", "2")
    assert ran.code == 0, ran
    assert '- "chaos-ecs/demo:1"\n    + "chaos-ecs/demo:2"' in ran.out
    assert '+ VERSION: "foreign"' in ran.out


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("unpulled", ("--image", "app", "chaos-ecs/nobody-made-this:1", "--timeout", PATIENCE), "unable to"),
        ("hanging", ("--health-check", "app", "false", "5", "2", "10", "300", "--timeout", "4"), "due to timeout"),
    ],
)
def test_ecs_deploy_takes_a_failed_deployment_back(room: Room, name: str, change: tuple[str, ...], why: str) -> None:
    shop = a_shop(room, name)
    ran = deploy(shop, *change, "--env", "app", "VERSION", "broken", "--rollback")
    assert ran.code == 1, ran
    assert why in ran.err
    assert f"Rolling back to task definition: {name}:1" in ran.out
    assert "Rollback successful" in ran.out
    assert f"service has been rolled back to previous task definition: {name}:1" in ran.err
    shop.comes_to_run(OLD, OLD)
    assert (shop.revision(), shop.status(1), shop.status(2)) == (f"{name}:1", "ACTIVE", "INACTIVE")


def test_ecs_deploy_tells_what_the_circuit_breaker_found(room: Room) -> None:
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}
    shop = a_shop(room, "breaking", deploymentConfiguration=breaker)
    ran = deploy(shop, "--command", "app", "no-such-role", "--timeout", PATIENCE, "--ignore-warnings")
    assert ran.code == 1, ran
    assert "Deployment Failed! ECS deployment circuit breaker: tasks failed to start." in ran.err
    assert [item["rolloutState"] for item in shop.described()["deployments"]] == ["FAILED", "COMPLETED"]
    shop.comes_to_run(OLD, OLD)


def test_ecs_scale_starts_and_stops_containers(room: Room) -> None:
    shop = a_shop(room, "scaled")
    for count in (4, 1):
        ran = room.tool("ecs", "scale", CLUSTER, "scaled", str(count), "--timeout", PATIENCE)
        assert ran.code == 0, ran
        assert f"Successfully changed desired count to: {count}" in ran.out
        assert "Scaling successful" in ran.out
        shop.comes_to_run(*[OLD] * count)


def test_ecs_update_makes_a_revision_and_leaves_the_containers_alone(room: Room) -> None:
    shop = a_shop(room, "updated")
    before = shop.containers()
    ran = room.tool("ecs", "update", "updated", "--env", "app", "VERSION", "next")
    assert ran.code == 0, ran
    assert "Successfully created revision: 2" in ran.out
    assert (shop.revision(), shop.status(1), shop.status(2)) == ("updated:1", "INACTIVE", "ACTIVE")
    assert shop.containers() == before
    revisions = [
        room.ecs().describe_task_definition(taskDefinition=f"updated:{revision}")["taskDefinition"]
        for revision in (1, 2)
    ]
    assert [told["containerDefinitions"][0].get("environment", []) for told in revisions] == [
        [],
        [{"name": "VERSION", "value": "next"}],
    ]


@pytest.mark.parametrize(
    "where",
    [(), ("--launchtype", "FARGATE", "--subnet", "subnet-1", "--securitygroup", "sg-1")],
    ids=["ec2", "fargate"],
)
def test_ecs_run_starts_standalone_tasks_with_its_overrides(room: Room, where: tuple[str, ...]) -> None:
    override = ("--env", "batch-job", "SECONDS_TO_WORK", "1", "--env", "batch-job", "FOR", "somebody")
    ran = room.tool("ecs", "run", CLUSTER, "batch-job", "2", *override, *where)
    assert ran.code == 0, ran
    assert "Successfully started 2 instances of task: batch-job:1" in ran.out
    tasks = re.findall(r"^- (arn:aws:ecs:\S+)$", ran.out, re.MULTILINE)
    assert len(tasks) == 2

    def ended() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = room.ecs().describe_tasks(cluster=CLUSTER, tasks=tasks)["tasks"]
        return found if {task["lastStatus"] for task in found} == {"STOPPED"} else []

    for task in eventually(ended, within=120):
        assert (task["startedBy"], task["containers"][0]["exitCode"]) == ("ECS Deploy", 0)
        config = room.client.inspect_container(task["containers"][0]["runtimeId"])["Config"]
        assert environment(config)["FOR"] == "somebody"


# --- chaostoolkit ---


def activity(func: str, *, of: str = "ecs", **arguments: Any) -> dict[str, Any]:
    """What an experiment says to call a function of chaostoolkit-aws: its probes answer, its actions do."""
    kind = "probe" if func.startswith(("describe", "get", "are", "all", "service", "targets")) else "action"
    provider = {"type": "python", "module": f"chaosaws.{of}.{kind}s", "func": func, "arguments": arguments}
    return {"type": kind, "name": func, "provider": provider}


def is_stable(service: str) -> dict[str, Any]:
    provider = {
        "type": "process",
        "path": "aws",
        "arguments": f"ecs wait services-stable --cluster {CLUSTER} --services {service}",
        "timeout": 120,
    }
    return {"type": "probe", "name": "stable", "provider": provider, "pauses": {"before": 2}}


def chaos(
    room: Room, folder: Path, hypothesis: list[dict[str, Any]], *method: dict[str, Any], when: str = "default"
) -> dict[str, Any]:
    """The journal of `chaos run` on an experiment that must be completed, and whose hypothesis must be met."""
    experiment = {
        "title": "Others' chaos",
        "description": "On chaos-ecs",
        "steady-state-hypothesis": {"title": "All is there", "probes": hypothesis},
        "method": method,
        "rollbacks": [],
    }
    (folder / "experiment.json").write_text(json.dumps(experiment), encoding="utf-8")
    ran = room.tool(
        "chaos", "--no-version-check", "run", "--hypothesis-strategy", when, "experiment.json", folder=folder
    )
    journal: dict[str, Any] = json.loads((folder / "journal.json").read_text(encoding="utf-8"))
    assert ran.code == 0, ran
    assert (journal["status"], journal["deviated"]) == ("completed", False), ran
    assert [run["activity"]["name"] for run in journal["run"] if run["status"] != "succeeded"] == [], ran
    return journal


def outputs(journal: dict[str, Any], name: str) -> list[Any]:
    return [run["output"] for run in journal["run"] if run["activity"]["name"] == name]


def whole(shop: Shop) -> list[dict[str, Any]]:
    return [
        {**activity("are_all_desired_tasks_running", **shop.place), "tolerance": True},
        {**activity("service_is_deploying", **shop.place), "tolerance": False},
    ]


def test_chaostoolkit_stops_random_tasks_and_the_service_is_whole_again(room: Room, tmp_path: Path) -> None:
    shop = a_shop(room, "hunted")
    before = set(shop.containers())
    stop = activity("stop_random_tasks", task_count=1, reason="others' chaos", **shop.place)
    journal = chaos(room, tmp_path, whole(shop), stop, is_stable("hunted"), activity("describe_service", **shop.place))
    ((victim,),) = outputs(journal, "stop_random_tasks")
    assert victim["Desired_Status"] == "STOPPED"
    (task,) = room.ecs().describe_tasks(cluster=CLUSTER, tasks=[victim["Task_Id"]])["tasks"]
    assert (task["stoppedReason"], task["stopCode"]) == ("others' chaos", "UserInitiated")
    assert shop.comes_to_replace_one_of(before) == task["containers"][0]["runtimeId"]
    assert journal["steady_states"]["after"]["steady_state_met"] is True
    (told,) = outputs(journal, "describe_service")
    assert told["services"][0]["runningCount"] == 2


def test_chaostoolkit_changes_tags_and_deletes_a_service(room: Room, tmp_path: Path) -> None:
    shop = a_shop(room, "changed")
    arn = shop.described()["serviceArn"]
    tags = [{"key": "team", "value": "a"}, {"key": "gone", "value": "b"}]
    chaos(
        room,
        tmp_path,
        whole(shop),
        activity("update_desired_count", desired_count=3, **shop.place),
        activity("stop_task", **shop.place),
        is_stable("changed"),
        activity("set_service_deployment_configuration", maximum_percent=150, minimum_healthy_percent=50, **shop.place),
        activity("set_service_placement_strategy", placement_type="random", **shop.place),
        activity("tag_resource", tags=tags, resource_arn=arn),
        activity("untag_resource", tag_keys=["gone"], resource_arn=arn),
        activity("describe_cluster", cluster=CLUSTER),
        activity("describe_tasks", cluster=CLUSTER),
    )
    shop.comes_to_run(OLD, OLD, OLD)
    told = shop.described()
    limits = told["deploymentConfiguration"]
    assert (limits["maximumPercent"], limits["minimumHealthyPercent"]) == (150, 50)
    assert told["placementStrategy"] == [{"type": "random"}]
    assert room.ecs().list_tags_for_resource(resourceArn=arn)["tags"] == tags[:1]
    chaos(room, tmp_path, whole(shop), activity("delete_service", **shop.place))
    shop.comes_to_run()
    eventually(lambda: shop.described()["status"] == "INACTIVE", within=120)


def test_chaostoolkit_starts_a_fis_experiment_and_asks_the_load_balancer(room: Room, tmp_path: Path) -> None:
    room.ok("service", "up", "web", "--desired", "2")
    shop = Shop(room, "web")
    before = set(shop.containers())
    ran = room.aws_raw("create-experiment-template", "--cli-input-json", json.dumps(STOP_ONE), service="fis")
    assert ran.code == 0, ran
    template = ran.json["experimentTemplate"]["id"]
    healthy = {**activity("all_targets_healthy", of="elbv2", tg_names=["web"]), "tolerance": True}
    count = activity("targets_health_count", of="elbv2", tg_names=["web"])
    start = activity("start_experiment", of="fis", experiment_template_id=template, tags={"by": "others"})
    journal = chaos(room, tmp_path, [healthy], count, start, when="before-method-only")
    assert outputs(journal, "targets_health_count") == [{"web": {"healthy": 2}}]
    (begun,) = outputs(journal, "start_experiment")
    assert begun["experiment"]["tags"]["by"] == "others"
    assert shop.comes_to_replace_one_of(before)
    asked = activity("get_experiment", of="fis", experiment_id=begun["experiment"]["id"])

    def is_completed() -> bool:
        (told,) = outputs(chaos(room, tmp_path, [], asked), "get_experiment")
        return bool(told["experiment"]["state"]["status"] == "completed")

    eventually(is_completed, within=120)
