"""What a region has from the start, and what an older record of it gets."""

from __future__ import annotations

from chaos_ecs.core.apply import apply
from chaos_ecs.core.arns import family_arn
from chaos_ecs.core.messages import DeregisterTaskDefinition, OpenRegion
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
