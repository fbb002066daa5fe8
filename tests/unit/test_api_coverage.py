"""`COVERAGE.md` is what the code says, and the code reads what the page calls honoured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from chaos_ecs.api import coverage, definition_members, protocol
from chaos_ecs.api.call import Call
from chaos_ecs.api.errors import Refused
from chaos_ecs.api.operations import ECS_OPERATIONS
from chaos_ecs.api.operations.service_members import ACTED_ON
from chaos_ecs.core.errors import EcsError
from tests.unit.api_harness import REGION, Harness
from tests.unit.ecs_examples import SMALLEST, WHOLE, filled_in, with_everything


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
    assert coverage.PAGE.read_text(encoding="utf-8") == coverage.page(), "run: python -m chaos_ecs.api.coverage"


def test_a_task_definitions_members_have_one_standing_everywhere() -> None:
    """The operation's row and the table of members say the same, and the page has both."""
    members = definition_members.TABLE["TaskDefinition"]
    asked = coverage.members_of("RegisterTaskDefinition")
    stored = [name for name in asked if members[name].standing is definition_members.Standing.STORED]
    assert list(coverage.kept_by("RegisterTaskDefinition")) == stored
    rows = [line for line in coverage.page().splitlines() if line.startswith("| `")]
    for shape, table in definition_members.TABLE.items():
        (row,) = [line for line in rows if line.startswith(f"| `{shape}` ")]
        honoured, kept, refused = row.strip("| ").split(" | ")[1:]
        cells = {"honoured": honoured, "stored": kept, "refused": refused}
        for name, member in table.items():
            assert f"`{name}`" in cells[member.standing], (shape, name)
            assert member.words in cells[member.standing]


def test_every_operation_is_registered_or_named_as_absent() -> None:
    page = coverage.page()
    for name in protocol.ecs().operation_names:
        assert f"`{name}`" in page


def test_whatever_is_said_of_a_member_is_said_of_one_that_there_is() -> None:
    assert coverage.COVERAGE.keys() <= ECS_OPERATIONS.keys()
    for name, told in coverage.COVERAGE.items():
        assert {*told.kept, *told.dropped, *told.refused} <= set(coverage.members_of(name)), name


@pytest.mark.parametrize("operation", ECS_OPERATIONS)
def test_what_is_honoured_is_read(operation: str) -> None:
    """But for what services keep first and read from there, and what has a single value that the model checks."""
    read = read_by(operation, with_everything()) | {"targetType"}
    if operation in ("CreateService", "UpdateService"):
        read |= ACTED_ON
    unread = [name for name in coverage.honoured_by(operation) if name not in read]
    assert unread == []


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
