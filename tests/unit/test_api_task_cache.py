"""What DescribeTasks keeps encoded: as much as is on record, not as much as ever was."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from chaos_ecs.api.task_cache import LEAST_KEPT, TaskCache
from tests.builders import a_simulation, a_standalone_task


def test_tasks_that_have_left_the_record_leave_the_cache_too() -> None:
    simulation = a_simulation()
    task = a_standalone_task(simulation)
    cache = TaskCache(lambda view: msgspec.Raw(msgspec.json.encode(view["taskArn"])))
    for number in range(20 * LEAST_KEPT):
        gone = replace(task, arn=f"{task.arn}{number}")
        assert bytes(cache.wire(simulation.state, gone, tags=False)) == f'"{gone.arn}"'.encode()
    assert len(cache) <= LEAST_KEPT


def test_what_is_on_record_stays_however_much_it_is() -> None:
    simulation = a_simulation()
    task = a_standalone_task(simulation)
    encoded: list[str] = []

    def encode(view: dict[str, object]) -> msgspec.Raw:
        encoded.append(str(view["taskArn"]))
        return msgspec.Raw(b"{}")

    cache = TaskCache(encode)
    there = [replace(task, arn=f"{task.arn}{number}") for number in range(3 * LEAST_KEPT)]
    simulation.state.tasks |= {one.arn: one for one in there}
    for _ in range(3):
        for one in there:
            cache.wire(simulation.state, one, tags=False)
    assert len(encoded) == len(there)
