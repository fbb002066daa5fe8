"""The safety lever: FIS API reference, GetSafetyLever and UpdateSafetyLeverState."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.core.arns import fis_arn
from chaos_ecs.core.errors import ResourceNotFoundException
from chaos_ecs.core.experiment_messages import SetSafetyLever
from chaos_ecs.core.experiments import lever_of
from chaos_ecs.core.state import State

THE_ONE = "default"
"""FIS user guide, "Safety levers": each account has one in each region, with this id."""

_Answer = Future[dict[str, Any]]


def get_safety_lever(call: Call) -> _Answer:
    _check(call)
    return call.ask(lambda state, now: _view(state, call.region))


def update_safety_lever_state(call: Call) -> _Answer:
    _check(call)
    said = call.params["state"]
    command = SetSafetyLever(call.region, said["status"] == "engaged", said["reason"])
    return call.request(lambda state: command, lambda state, now, events: _view(state, call.region))


def _check(call: Call) -> None:
    if call.params["id"] != THE_ONE:
        raise ResourceNotFoundException(f"The safety lever {call.params['id']} was not found.")


def _view(state: State, region: str) -> dict[str, Any]:
    lever = lever_of(state, region)
    status = "engaged" if lever.engaged else "disengaged"
    return {
        "safetyLever": {
            "id": THE_ONE,
            "arn": fis_arn(region, "safety-lever", THE_ONE),
            "state": {"status": status, "reason": lever.reason or None},
        }
    }
