"""Tags of load balancing's things: API_DescribeTags, API_AddTags, API_RemoveTags."""

from __future__ import annotations

from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.balancing.members import Answer, any_arn, tags_of
from chaos_ecs.api.operations.balancing.views import tag_list
from chaos_ecs.core import balancing_messages as b
from chaos_ecs.core.balancing_tags import known_tagged
from chaos_ecs.core.state import State


def describe_tags(call: Call) -> Answer:
    arns = _arns(call)

    def answer(state: State, now: float) -> dict[str, Any]:
        described = [{"ResourceArn": arn, "Tags": tag_list(known_tagged(state, arn).tags)} for arn in arns]
        return {"TagDescriptions": described}

    return call.ask(answer)


def add_tags(call: Call) -> Answer:
    arns, tags = _arns(call), tags_of(call.params)
    return call.request(lambda state: b.AddTags(arns, tags), lambda state, now, events: {})


def remove_tags(call: Call) -> Answer:
    arns, keys = _arns(call), tuple(call.params["TagKeys"])
    return call.request(lambda state: b.RemoveTags(arns, keys), lambda state, now, events: {})


def _arns(call: Call) -> tuple[str, ...]:
    return tuple(dict.fromkeys(any_arn(call.region, arn) for arn in call.params["ResourceArns"]))
