"""`COVERAGE.md` is what the code says, and the code reads what the page calls honoured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import botocore
import pytest

from chaos_ecs.api import coverage, definition_members, protocol
from chaos_ecs.api.call import Call
from chaos_ecs.api.errors import Refused
from chaos_ecs.api.operations import ECS_OPERATIONS
from chaos_ecs.api.operations.service_members import ACTED_ON, KEPT, MODELLED
from chaos_ecs.core.errors import EcsError
from tests.unit.api_harness import CLUSTER, REGION, Harness
from tests.unit.ecs_examples import NETWORK, SMALLEST, SPOT, TAGS, WHOLE, filled_in, with_everything

PAGE = coverage.PAGE.read_text(encoding="utf-8")
INSTALLED = coverage.installed()
KNOWN = coverage.named_on(PAGE, INSTALLED)
"""What the installed model has of what the page knows: the tests hold with a newer botocore."""


class Watched(dict[str, Any]):
    """Remembers which members somebody asked for by name."""

    def __init__(self, members: dict[str, Any]) -> None:
        super().__init__(members)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.read.add(str(name))
        return super().__contains__(name)

    def items(self) -> Any:
        return Watched.Items(self)

    class Items:
        """Walking over all members says nothing of one of them: whoever keeps them does."""

        def __init__(self, watched: Watched) -> None:
            self._watched = watched

        def __iter__(self) -> Iterator[tuple[str, Any]]:
            return iter(dict.items(self._watched))


def read_by(operation: str, api: Harness) -> set[str]:
    """The members that the operation asks for, of a small request and of a whole one."""
    found: set[str] = set()
    for said in ({}, WHOLE.get(operation, {})):
        params = Watched(filled_in({**SMALLEST[operation], **said}, api))
        with suppress(EcsError, Refused):
            future = ECS_OPERATIONS[operation](Call(api.border._surroundings, REGION, params))
            for _ in range(3):
                api.simulation.advance(0)
            future.exception(timeout=1)
        found |= params.read
    return found


def test_the_page_is_up_to_date() -> None:
    assert coverage.is_current(PAGE, INSTALLED), "run: python -m chaos_ecs.api.coverage"
    if botocore.__version__ == coverage.version_of(PAGE):
        assert coverage.page_of(INSTALLED, botocore.__version__) == PAGE, "run: python -m chaos_ecs.api.coverage"


def test_a_newer_botocore_does_not_make_the_page_wrong() -> None:
    newer = {**INSTALLED, "CreateMoon": ("phase",)}
    for operation in ("CreateService", "RegisterTaskDefinition", "ListClusters", "ExecuteCommand"):
        newer[operation] = ("moon", *INSTALLED[operation])
    assert coverage.is_current(PAGE, newer)
    assert "`moon`" in coverage.page_of(newer, "9")


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (" of 88 operations", " of 89 operations"),
        ("| `ListClusters` | `nextToken`, `maxResults` | - |", "| `ListClusters` | `nextToken` | `maxResults` |"),
        ("`SubmitTaskStateChange`", "`ListClusters`"),
        ("always: NoUpdateAvailableException", "always: ClientException"),
    ],
)
def test_a_page_that_says_something_else_than_the_code_is_not_current(said: str, instead: str) -> None:
    assert said in PAGE
    assert not coverage.is_current(PAGE.replace(said, instead, 1), INSTALLED)


def test_the_page_begins_with_how_much_there_is() -> None:
    api = with_everything()
    absent = [name for name in KNOWN if api.call(name, {})[0] == 501]
    refusing = [n for n in ECS_OPERATIONS if coverage.COVERAGE.get(n, coverage.Told()).always_refuses]
    assert (
        f"{len(KNOWN) - len(absent) - len(refusing)} of {len(KNOWN)} operations are here, {len(refusing)} answer only "
        f"with ECS's own refusal, {len(absent)} answer 501."
    ) in PAGE.splitlines()


def test_a_task_definitions_members_have_one_standing_everywhere() -> None:
    """The operation's row and the table of members say the same, and the page has both."""
    members = definition_members.TABLE["TaskDefinition"]
    asked = KNOWN["RegisterTaskDefinition"]
    stored = tuple(name for name in asked if members[name].standing is definition_members.Standing.STORED)
    assert coverage.kept_by("RegisterTaskDefinition", asked) == stored
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    for shape, table in definition_members.TABLE.items():
        (row,) = [line for line in rows if line.startswith(f"| `{shape}` ")]
        honoured, kept, refused = row.strip("| ").split(" | ")[1:]
        cells = {"honoured": honoured, "stored": kept, "refused": refused}
        for name, member in table.items():
            assert f"`{name}`" in cells[member.standing], (shape, name)
            assert member.words in cells[member.standing]


def test_every_operation_is_registered_or_named_as_absent() -> None:
    page = coverage.page_of(INSTALLED, "")
    for name in protocol.ecs().operation_names:
        assert f"`{name}`" in page


def test_whatever_is_said_of_a_member_is_said_of_one_that_there_is() -> None:
    assert coverage.COVERAGE.keys() <= ECS_OPERATIONS.keys()
    for name, told in coverage.COVERAGE.items():
        assert {*told.kept, *told.dropped, *told.refused} <= set(INSTALLED[name]), name


@pytest.mark.parametrize("operation", ECS_OPERATIONS)
def test_what_is_honoured_is_read(operation: str) -> None:
    """But for what services keep first and read from there (see the next test), and what has a single value that the
    model checks."""
    read = read_by(operation, with_everything()) | {"targetType"}
    if operation in ("CreateService", "UpdateService"):
        read |= ACTED_ON
    unread = [name for name in coverage.honoured_by(operation, KNOWN[operation]) if name not in read]
    assert unread == []


TWO_VALUES: Mapping[str, tuple[Any, Any]] = {
    "capacityProviderStrategy": ([], SPOT),
    "deploymentConfiguration": ({"maximumPercent": 200}, {"maximumPercent": 99}),
    "deploymentController": ({"type": "ECS"}, {"type": "EXTERNAL"}),
    "enableECSManagedTags": (False, True),
    "enableExecuteCommand": (False, True),
    "networkConfiguration": (NETWORK, {"awsvpcConfiguration": {"subnets": []}}),
    "placementConstraints": ([], [{"type": "memberOf", "expression": "?"}]),
    "placementStrategy": ([], [{"type": "binpack", "field": "disk"}]),
    "platformVersion": (None, "LATEST"),
    "propagateTags": ("NONE", "SERVICE"),
    "schedulingStrategy": ("REPLICA", "DAEMON"),
    "serviceConnectConfiguration": ({"enabled": False}, {"enabled": True}),
}


def what_comes_of(operation: str, **members: Any) -> object:
    """The refusal, or else what the service's tasks are like: never the member itself as the service shows it."""
    api = Harness()
    params = {**SMALLEST["CreateService"], "serviceName": "web", "tags": TAGS}
    if operation == "UpdateService":
        assert api.call("CreateService", params)[0] == 200
        params = {**SMALLEST["UpdateService"], "forceNewDeployment": True}
    status, body = api.call(operation, {**params, **members})
    if status != 200:
        return body["message"]
    api.simulation.advance(60)
    _, body = api.call("ListTasks", {"cluster": params["cluster"]})
    named = {"cluster": params["cluster"], "tasks": body["taskArns"]}
    _, body = api.call("DescribeTasks", {**named, "include": ["TAGS"]})
    execute = {"cluster": params["cluster"], "task": named["tasks"][0], "command": "sh", "interactive": True}
    (task,) = body["tasks"]
    refusal = api.call("ExecuteCommand", execute)[1]["__type"]
    return task["launchType"], sorted(tag["key"] for tag in task["tags"]), refusal


def test_a_member_of_services_is_in_one_set() -> None:
    sets = (ACTED_ON, KEPT, MODELLED)
    assert len(ACTED_ON | KEPT | MODELLED) == sum(len(members) for members in sets)


@pytest.mark.parametrize("operation", ["CreateService", "UpdateService"])
def test_a_member_that_only_a_newer_botocore_has_is_dropped(operation: str) -> None:
    """Kept, it would be in an answer that has no place for it."""
    api = with_everything()
    call = Call(api.border._surroundings, REGION, {**SMALLEST[operation], "moon": "full"})
    future = ECS_OPERATIONS[operation](call)
    api.simulation.advance(0)
    assert "moon" not in future.result(timeout=1)["service"]
    status, body = api.call("DescribeServices", {"cluster": CLUSTER, "services": ["web", "new"]})
    assert status == 200, body


@pytest.mark.parametrize(
    ("operation", "member"),
    [
        (name, member)
        for name in ("CreateService", "UpdateService")
        for member in KNOWN[name]
        if member in ACTED_ON and member != "availabilityZoneRebalancing"  # it takes two zones: test_api_daemons.py
    ],
)
def test_what_services_keep_and_honour_changes_what_comes_of_it(operation: str, member: str) -> None:
    usual, other = (what_comes_of(operation, **{member: value}) for value in TWO_VALUES[member])
    assert usual == what_comes_of(operation)
    assert other != usual


@pytest.mark.parametrize(
    "operation", [n for n in ECS_OPERATIONS if coverage.COVERAGE.get(n, coverage.Told()).always_refuses]
)
def test_what_always_refuses_does(operation: str) -> None:
    api = with_everything()
    status, body = api.call(operation, filled_in({**SMALLEST[operation], **WHOLE.get(operation, {})}, api))
    assert status == 400, body


@pytest.mark.parametrize(
    "operation",
    [n for n in ECS_OPERATIONS if not coverage.COVERAGE.get(n, coverage.Told()).always_refuses],
)
def test_every_other_operation_answers_its_examples(operation: str) -> None:
    refused = {"StopServiceDeployment", "ContinueServiceDeployment"}  # nothing is under way in this room
    for said in ({}, WHOLE.get(operation, {})):
        api = with_everything()
        status, body = api.call(operation, filled_in({**SMALLEST[operation], **said}, api))
        assert status == (400 if operation in refused else 200), body
