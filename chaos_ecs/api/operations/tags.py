"""Tags: API_TagResource, API_UntagResource, API_ListTagsForResource."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.members import tags_of
from chaos_ecs.api.views import tag_list
from chaos_ecs.core import resource_messages as a
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.state import State
from chaos_ecs.core.tagging import find_tagged, is_reserved

_Answer = Future[dict[str, Any]]


def tag_resource(call: Call) -> _Answer:
    """Adds tags to whatever can have them, container instances and capacity providers too, or other values. Raises
    InvalidParameterException, ResourceNotFoundException, and LimitExceededException past 50 (API_TagResource)."""
    arn = identifiers.resource_arn(call.region, call.params["resourceArn"])
    tags = tags_of(call.params)
    return call.request(lambda state: a.TagResource(arn, tags), lambda state, now, events: {})


def untag_resource(call: Call) -> _Answer:
    """Takes tags away; a key that is not there is no error. Raises what TagResource does (API_UntagResource)."""
    arn = identifiers.resource_arn(call.region, call.params["resourceArn"])
    keys = tuple(call.params["tagKeys"])
    if any(is_reserved(key) for key in keys):
        raise InvalidParameterException("Tag keys that begin with 'aws:' are reserved for Amazon Web Services use.")
    return call.request(lambda state: a.UntagResource(arn, keys), lambda state, now, events: {})


def list_tags_for_resource(call: Call) -> _Answer:
    """The tags of a resource. Raises what TagResource does (API_ListTagsForResource)."""
    arn = identifiers.resource_arn(call.region, call.params["resourceArn"])

    def answer(state: State, now: float) -> dict[str, Any]:
        return {"tags": tag_list(find_tagged(state, arn).tags)}

    return call.ask(answer)
