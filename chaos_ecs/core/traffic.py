"""`apply` for the weights of listener rules that a service's deployments set: who is sent which share of the requests.

Source: API_AdvancedConfiguration (productionListenerRule, testListenerRule). Never here: when (`stages.py`).
"""

from __future__ import annotations

from dataclasses import replace

from chaos_ecs.core.balancing import Forward
from chaos_ecs.core.deploying import ALL, Deployment, ServiceRevision
from chaos_ecs.core.listeners import listener_of_default_rule
from chaos_ecs.core.state import State


def settle(state: State, deployment: Deployment) -> None:
    """All requests go to this deployment's target groups, where it could be others."""
    if revision := state.service_revisions.get(deployment.revision_arn):
        send(state, revision, ALL, ALL)


def send_back(state: State, deployment: Deployment) -> None:
    """Nobody is sent to this deployment's target groups any more, if it was moving traffic."""
    revision = state.service_revisions.get(deployment.revision_arn)
    if revision and deployment.shift:
        send(state, revision, 0.0, 0.0)


def send(state: State, revision: ServiceRevision, production: float, test: float) -> None:
    """So many percent to the revision's own target groups, the rest to their alternates; a rule that is gone is left
    out."""
    for item in revision.resolved:
        if not item.alternate_target_group_arn:
            continue
        for rule_arn, percent in ((item.production_rule_arn, production), (item.test_rule_arn, test)):
            mine, others = weights(percent)
            groups = ((item.target_group_arn, mine), (item.alternate_target_group_arn, others))
            if known := tuple(one for one in groups if one[0] in state.target_groups):
                _forward(state, rule_arn, Forward(known))


def weights(percent: float) -> tuple[int, int]:
    """A percentage as the weights of two target groups, which are whole numbers up to 999: 10 is 10 to 90, 33.3 is
    333 to 667, 0.1 is 1 to 999."""
    if percent == int(percent):
        return int(percent), 100 - int(percent)
    tenths = round(percent * 10)
    return tenths, 1000 - tenths


def _forward(state: State, rule_arn: str, forward: Forward) -> None:
    """The order of the groups stays, so that the same weights are no change."""
    if rule := state.rules.get(rule_arn):
        state.put(replace(rule, forward=_ordered(rule.forward, forward)))
    elif listener := listener_of_default_rule(state, rule_arn):
        state.put(replace(listener, default=_ordered(listener.default, forward)))


def _ordered(known: Forward, wanted: Forward) -> Forward:
    places = {arn: place for place, (arn, _) in enumerate(known.groups)}
    return Forward(tuple(sorted(wanted.groups, key=lambda group: places.get(group[0], len(places)))))
