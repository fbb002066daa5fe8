"""Rules of listeners: API_CreateRule, API_DescribeRules, API_ModifyRule, API_DeleteRule. The default rule is told with
the others, and changed through its listener."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.balancing.members import (
    Answer,
    Params,
    arn_of,
    forward_of,
    page,
    refuse_unsupported,
    tags_of,
    unsupported,
)
from chaos_ecs.api.operations.balancing.views import default_rule_view, rule_view
from chaos_ecs.core import balancing_messages as b
from chaos_ecs.core.errors import OperationNotPermitted, ValidationError
from chaos_ecs.core.listeners import find_rule, known_listener, known_rule, listener_of_default_rule, rules_of
from chaos_ecs.core.state import State

_FIELDS = {"path-pattern": "PathPatternConfig", "host-header": "HostHeaderConfig"}

Conditions = dict[str, tuple[str, ...]]


def create_rule(call: Call) -> Answer:
    params = call.params
    refuse_unsupported(params, "Transforms")
    conditions = _conditions(params["Conditions"])
    command = b.CreateRule(
        listener_arn=arn_of(call.region, "listener", params["ListenerArn"]),
        priority=params["Priority"],
        forward=forward_of(call.region, params["Actions"]),
        paths=conditions["path-pattern"],
        hosts=conditions["host-header"],
        tags=tags_of(params),
    )

    def answer(state: State, now: float, events: object) -> dict[str, Any]:
        rule = find_rule(state, command.listener_arn, command.priority)
        assert rule is not None
        return {"Rules": [rule_view(rule)]}

    return call.request(lambda state: command, answer)


def describe_rules(call: Call) -> Answer:
    """Those of a listener in the order in which they are tried, the default rule last; or those named."""
    params = call.params
    if ("ListenerArn" in params) == ("RuleArns" in params):
        raise ValidationError("You must specify either listener rule ARNs or a listener ARN")

    def answer(state: State, now: float) -> dict[str, Any]:
        found = _of_listener(state, call) if "ListenerArn" in params else _named(state, call)
        return page(params, "Rules", found)

    return call.ask(answer)


def _of_listener(state: State, call: Call) -> list[tuple[str, dict[str, Any]]]:
    listener = known_listener(state, arn_of(call.region, "listener", call.params["ListenerArn"]))
    found = [(f"{rule.priority:05d}", rule_view(rule)) for rule in rules_of(state, listener.arn)]
    return [*found, ("default", default_rule_view(listener))]


def _named(state: State, call: Call) -> list[tuple[str, dict[str, Any]]]:
    arns = sorted(dict.fromkeys(arn_of(call.region, "listener rule", arn) for arn in call.params["RuleArns"]))
    default = {arn: listener_of_default_rule(state, arn) for arn in arns}
    return [(arn, default_rule_view(own) if own else rule_view(known_rule(state, arn))) for arn, own in default.items()]


def modify_rule(call: Call) -> Answer:
    """What is not named stays as it is; conditions are replaced as a whole."""
    params = call.params
    arn = arn_of(call.region, "listener rule", params["RuleArn"])
    refuse_unsupported(params, "Transforms")
    conditions = _conditions(params["Conditions"]) if "Conditions" in params else {}
    forward = forward_of(call.region, params["Actions"]) if "Actions" in params else None

    def build(state: State) -> b.ModifyRule:
        _check_not_default(state, arn, "modified: modify its listener")
        return b.ModifyRule(arn, forward, conditions.get("path-pattern"), conditions.get("host-header"))

    return call.request(build, lambda state, now, events: {"Rules": [rule_view(state.rules[arn])]})


def delete_rule(call: Call) -> Answer:
    arn = arn_of(call.region, "listener rule", call.params["RuleArn"])

    def build(state: State) -> b.DeleteRule:
        _check_not_default(state, arn, "deleted")
        return b.DeleteRule(arn)

    return call.request(build, lambda state, now, events: {})


def _check_not_default(state: State, arn: str, done: str) -> None:
    if listener_of_default_rule(state, arn):
        raise OperationNotPermitted(f"Default rule '{arn}' cannot be {done}")


def _conditions(said: Sequence[Params]) -> Conditions:
    """API_RuleCondition, in both spellings."""
    found: Conditions = {}
    for condition in said:
        field = condition.get("Field", "")
        if field not in _FIELDS:
            raise unsupported(f"The condition field '{field[:64]}'")
        if condition.get("RegexValues") or condition.get(_FIELDS[field], {}).get("RegexValues"):
            raise unsupported("A condition with RegexValues")
        if field in found:
            raise ValidationError(f"A rule can have one condition of the field '{field}'")
        plain, configured = condition.get("Values", []), condition.get(_FIELDS[field], {}).get("Values", [])
        if plain and configured and plain != configured:
            raise ValidationError(f"Values and {_FIELDS[field]} must say the same")
        if not plain and not configured:
            raise ValidationError(f"A condition value must be specified for the field '{field}'")
        found[field] = tuple(configured or plain)
    return {field: found.get(field, ()) for field in _FIELDS}
