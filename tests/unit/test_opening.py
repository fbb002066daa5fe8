"""What a region has from the start, and what an older record of it gets."""

from __future__ import annotations

import json
from dataclasses import replace

from chaos_ecs.core.apply import apply
from chaos_ecs.core.arns import cluster_arn, family_arn
from chaos_ecs.core.messages import DeregisterTaskDefinition, OpenRegion
from chaos_ecs.core.opening import SEED_CLUSTER
from chaos_ecs.core.resource_messages import UpdateCluster
from chaos_ecs.core.state import State
from tests.builders import REGION

TRAIN = family_arn(REGION, "train")


def opened(state: State) -> State:
    apply(state, OpenRegion(REGION), 0.0)
    return state


def test_an_older_record_gets_the_definitions_it_lacks_and_keeps_its_own() -> None:
    state = opened(State(salt="0"))
    known = dict(state.task_definitions)
    del state.families[TRAIN], state.task_definitions[f"{TRAIN}:1"]
    opened(state)
    assert state.task_definitions.keys() == known.keys()
    assert state.families[TRAIN].latest_revision == 1


def test_a_definition_that_was_deregistered_stays_so() -> None:
    state = opened(State(salt="0"))
    apply(state, DeregisterTaskDefinition(f"{TRAIN}:1"), 1.0)
    opened(state)
    assert state.families[TRAIN].latest_revision == 1
    assert state.task_definitions[f"{TRAIN}:1"].status == "INACTIVE"


def test_the_seeds_cluster_has_fargates_capacity_providers_in_an_older_record_too() -> None:
    state = opened(State(salt="0"))
    seed = state.clusters[cluster_arn(REGION, SEED_CLUSTER)]
    state.put(replace(seed, registered="{}"))
    opened(state)
    assert json.loads(state.clusters[seed.arn].registered)["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]


def test_but_what_somebody_took_away_from_it_stays_away() -> None:
    state = opened(State(salt="0"))
    arn = cluster_arn(REGION, SEED_CLUSTER)
    apply(state, UpdateCluster(arn, '{"capacityProviders": []}'), 1.0)
    opened(state)
    assert json.loads(state.clusters[arn].registered)["capacityProviders"] == []
