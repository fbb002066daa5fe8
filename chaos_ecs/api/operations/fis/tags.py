"""Tags of templates and experiments: FIS API reference, TagResource, UntagResource, ListTagsForResource."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.core.experiment_messages import TagExperiment
from chaos_ecs.core.experiments import tagged

_Answer = Future[dict[str, Any]]


def tag_resource(call: Call) -> _Answer:
    command = TagExperiment(call.params["resourceArn"], added=tuple(call.params["tags"].items()))
    return call.request(lambda state: command, lambda state, now, events: {})


def untag_resource(call: Call) -> _Answer:
    """Without tagKeys all of them go."""
    keys = call.params.get("tagKeys")

    def build(state: Any) -> TagExperiment:
        known = [key for key, _ in tagged(state, call.params["resourceArn"]).tags]
        return TagExperiment(call.params["resourceArn"], removed=tuple(known if keys is None else keys))

    return call.request(build, lambda state, now, events: {})


def list_tags_for_resource(call: Call) -> _Answer:
    return call.ask(lambda state, now: {"tags": dict(tagged(state, call.params["resourceArn"]).tags)})
