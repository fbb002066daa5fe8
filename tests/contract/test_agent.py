"""The agent of tasks on real containers: what they ask reaches whoever answers, wherever they are, whoever dies."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import docker
import pytest
from docker.errors import NotFound

from chaos_ecs.core import arns
from chaos_ecs.core.messages import (
    ContainerSeen,
    EngineConnected,
    EngineLost,
    Fact,
    RemoveNetwork,
    RunState,
    StartContainer,
)
from chaos_ecs.core.model import Container, Task
from chaos_ecs.core.state import State
from chaos_ecs.live import cleaner, labels
from chaos_ecs.live.agent import AgentRelay, Answer
from chaos_ecs.live.agent_channel import AgentCall
from chaos_ecs.live.engine import Connector
from chaos_ecs.live.images import Images
from chaos_ecs.live.labels import Home
from chaos_ecs.live.runtime import DockerRuntime
from tests.asking import ask
from tests.builders import CLUSTER, REGION, a_container, definition_arn, eventually
from tests.contract.worlds import Relay, can_relay

pytestmark = pytest.mark.docker

OTHER_CLUSTER = arns.cluster_arn(REGION, "other")
WITHIN_SECONDS = 30.0


def echo(call: AgentCall) -> Future[Answer]:
    """Says what was heard."""
    future: Future[Answer] = Future()
    said = {"method": call.method, "path": call.path, "body": call.body, "from": call.source, "to": call.agent}
    future.set_result((418, said))
    return future


class NoToolbox(Images):
    """As on an engine where it was never built."""

    def is_here(self, image: str) -> bool:
        return False

    def ensure(self, image: str, on_pull: Callable[[], None]) -> None:
        raise AssertionError(f"{image} is built, and nobody asked for that")


class Stand:
    """A runtime with an agent beside it, in a state folder of its own; `answering` is whoever answers."""

    def __init__(self, client: docker.APIClient, home: Home, relay: Relay | None = None) -> None:
        self.client, self.home = client, home
        self.has_image = True
        self.answering = echo
        environment = {"DOCKER_HOST": relay.address} if relay else None
        self._connect = Connector(30, environment).connect
        self.tasks: list[Task] = []
        self.open()

    def open(self) -> None:
        """A controller begins, with the tasks there are on its record."""
        self.facts: list[Fact] = []
        state = State("contract")
        for task in self.tasks:
            state.put(task)
        docker_runtime = DockerRuntime(self._connect, self.home, Images)
        self.runtime = AgentRelay(docker_runtime, self._connect, self.home, self._images_on)
        self.runtime.serve(state, self._answer)
        self.runtime.open(lambda: None)
        self.seen(EngineConnected)

    def _images_on(self, client: docker.APIClient) -> Images:
        return Images(client) if self.has_image else NoToolbox(client)

    def _answer(self, call: AgentCall) -> Future[Answer]:
        return self.answering(call)

    def seen(self, kind: type[Any], **members: object) -> Any:
        def check() -> Any:
            self.facts += self.runtime.poll()
            return next(
                (f for f in self.facts if isinstance(f, kind) and all(getattr(f, m) == v for m, v in members.items())),
                None,
            )

        return eventually(check, within=WITHIN_SECONDS)

    def start(self, *, may: bool = True, cluster: str = CLUSTER) -> str:
        """Starts a task, which may break its network or not; the id of its container."""
        arn = arns.task_arn(cluster, uuid.uuid4().hex)
        container = Container("app", arns.container_arn(arn, "app"), "")
        task = Task(arn, cluster, definition_arn("agent"), "family:agent", (container,), 1, 0.0, fault_injection=may)
        self.tasks.append(task)
        self.runtime.execute([StartContainer(task, a_container(), "because the test wants it")])
        seen: ContainerSeen = self.seen(ContainerSeen, task_arn=arn, state=RunState.RUNNING)
        return seen.runtime_id

    def asked(self, container: str, path: str = "/x", **what: Any) -> tuple[int, dict[str, str]]:
        """As soon as somebody answers."""

        def check() -> tuple[int, dict[str, str]]:
            try:
                return ask(self.client, container, path, **what)
            except ConnectionError as error:
                raise AssertionError(str(error)) from error

        return eventually(check, within=WITHIN_SECONDS)

    @property
    def agent(self) -> dict[str, Any] | None:
        try:
            return dict(self.client.inspect_container(labels.agent_name(self.home)))
        except NotFound:
            return None

    @property
    def agents_networks(self) -> dict[str, Any]:
        return dict(self.agent["NetworkSettings"]["Networks"]) if self.agent else {}


@pytest.fixture(scope="module")
def own_home(engine_client: docker.APIClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """There is one agent to a state folder: these tests have one of their own."""
    for name in ("demo", "toolbox"):
        Images(engine_client).build(name, lambda _: None)
    home = Home(uuid.uuid4().hex, str(tmp_path_factory.mktemp("home")))
    yield home
    assert cleaner.clean(engine_client, home.id).left == ()


@pytest.fixture
def stand(engine_client: docker.APIClient, own_home: Home) -> Iterator[Stand]:
    yield from opened(engine_client, own_home)


@pytest.fixture
def far_stand(engine_client: docker.APIClient, own_home: Home) -> Iterator[tuple[Stand, Relay]]:
    """On an engine that can go away."""
    if not can_relay(engine_client):
        pytest.skip("the engine is not behind a Unix socket here, so nothing can stand in front of it")
    relay = Relay(engine_client)
    for stand in opened(engine_client, own_home, relay):
        yield stand, relay
    relay.close()


def opened(client: docker.APIClient, home: Home, relay: Relay | None = None) -> Iterator[Stand]:
    stand = Stand(client, home, relay)
    yield stand
    stand.runtime.close()
    assert cleaner.clean(client, home.id).left == ()


def test_what_a_task_asks_reaches_the_controller_and_its_answer_the_task(stand: Stand) -> None:
    container = stand.start()
    status, said = stand.asked(container, "/fault/v1/x?y=%20", body={"Port": 8080})
    assert status == 418
    assert said["method"] == "POST"
    assert said["path"] == f"/api/{stand.tasks[0].id}/fault/v1/x?y=%20"
    assert said["body"] == '{"Port": 8080}'
    (own,) = stand.client.inspect_container(container)["NetworkSettings"]["Networks"].values()
    (agents,) = stand.agents_networks.values()
    assert (said["from"], said["to"]) == (own["IPAddress"], agents["IPAddress"])
    assert stand.asked(container, method="DELETE")[1]["method"] == "DELETE"


def test_whoever_waits_for_an_answer_holds_up_nobody_else(stand: Stand) -> None:
    container = stand.start()
    slow: Future[Answer] = Future()
    stand.answering = lambda call: slow if call.path.endswith("/slow") else echo(call)
    stand.asked(container)
    with ThreadPoolExecutor(1) as threads:
        waits = threads.submit(ask, stand.client, container, "/slow")
        assert [stand.asked(container)[0] for _ in range(3)] == [418, 418, 418]
        assert not waits.done()
        slow.set_result((200, {"Status": "running"}))
        assert waits.result(10) == (200, {"Status": "running"})


def test_a_task_that_may_not_break_its_network_is_told_of_no_faults_and_can_ask_about_itself(stand: Stand) -> None:
    container = stand.start(may=False)
    variables = stand.client.inspect_container(container)["Config"]["Env"]
    assert not [one for one in variables if one.startswith("ECS_AGENT_URI")]
    (uri,) = (one.partition("=")[2] for one in variables if one.startswith("ECS_CONTAINER_METADATA_URI_V4"))
    assert uri == f"http://ecs-agent:51679/v4/{stand.tasks[0].id}-0"
    assert stand.asked(container, "", uri=uri, method="GET")[1]["path"] == f"/v4/{stand.tasks[0].id}-0"


def test_where_its_image_is_not_here_the_agent_comes_some_seconds_after_it(stand: Stand) -> None:
    stand.has_image = False
    container = stand.start(may=False)
    uri = f"http://ecs-agent:51679/v4/{stand.tasks[0].id}-0"
    with pytest.raises(ConnectionError):
        ask(stand.client, container, "", uri=uri)
    assert stand.agent is None
    stand.has_image = True
    assert stand.asked(container, "", uri=uri)[0] == 418


def test_the_agent_has_no_privilege_no_port_and_is_no_task(stand: Stand) -> None:
    stand.asked(stand.start())
    assert stand.agent is not None
    host, config = stand.agent["HostConfig"], stand.agent["Config"]
    assert (host["CapDrop"], host["CapAdd"], host["Privileged"]) == (["ALL"], None, False)
    assert (host["SecurityOpt"], host["ReadonlyRootfs"], config["User"]) == (["no-new-privileges"], True, "65534:65534")
    assert not any(stand.agent["NetworkSettings"]["Ports"].values())
    assert config["Labels"][labels.HOME] == stand.home.id
    assert labels.TASK not in config["Labels"]
    assert list(stand.agents_networks) == [labels.network_name(stand.home, CLUSTER)]


@pytest.mark.parametrize("how", ["kill", "remove"])
def test_an_agent_that_dies_is_brought_back(stand: Stand, how: str) -> None:
    container = stand.start()
    stand.asked(container)
    assert stand.agent is not None
    dead = stand.agent["Id"]
    if how == "kill":
        stand.client.kill(dead)
    else:
        stand.client.remove_container(dead, force=True)
    assert stand.asked(container)[0] == 418
    assert stand.agent["Id"] != dead


def test_it_is_in_the_network_of_every_cluster_with_such_tasks_and_leaves_one_that_is_removed(stand: Stand) -> None:
    one, other = stand.start(), stand.start(cluster=OTHER_CLUSTER)
    assert stand.asked(one)[1]["to"] != stand.asked(other)[1]["to"]
    stand.client.remove_container(other, force=True)
    stand.runtime.execute([RemoveNetwork(OTHER_CLUSTER, "because the test wants it")])
    gone = labels.network_name(stand.home, OTHER_CLUSTER)
    eventually(lambda: not stand.client.networks(names=[gone]), within=10)
    assert stand.asked(one)[0] == 418
    again = stand.start(cluster=OTHER_CLUSTER)
    assert stand.asked(again)[0] == 418


def test_the_next_controller_answers_through_the_same_agent_also_what_was_asked_in_between(stand: Stand) -> None:
    container = stand.start()
    stand.asked(container)
    assert stand.agent is not None
    before = stand.agent["Id"]
    never: Future[Answer] = Future()
    stand.answering = lambda call: never
    with ThreadPoolExecutor(1) as threads:
        unanswered = threads.submit(ask, stand.client, container, "/never")
        eventually(lambda: b"/never" in stand.client.logs(before), within=5)
        stand.runtime.close()
        stand.answering = echo
        stand.open()
        assert unanswered.result(10) == (500, {"Error": "internal error"})
    assert stand.asked(container)[0] == 418
    assert stand.agent["Id"] == before


def test_an_agent_that_no_task_needs_goes_with_the_next_controller(stand: Stand) -> None:
    stand.asked(stand.start())
    stand.runtime.close()
    stand.tasks = []
    stand.open()
    eventually(lambda: stand.agent is None, within=10)


def test_an_engine_that_was_away_finds_the_agent_where_it_was(far_stand: tuple[Stand, Relay]) -> None:
    stand, relay = far_stand
    container = stand.start()
    stand.asked(container)
    assert stand.agent is not None
    before = stand.agent["Id"]
    relay.close()
    stand.seen(EngineLost)
    relay.open()
    eventually(lambda: stand.asked(container)[0] == 418, within=WITHIN_SECONDS)  # what was asked meanwhile is lost
    assert stand.agent["Id"] == before
