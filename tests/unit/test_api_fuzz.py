"""Whatever is sent, the answer is ECS's: never a 500, never a bug of ours. FUZZ=20000 asks for more (`make fuzz`)."""

from __future__ import annotations

import json
import logging
import os

import pytest

from chaos_ecs.api import protocol
from tests.fuzz import Fuzzer
from tests.unit.ecs_examples import SMALLEST, filled_in, with_everything

REQUESTS = int(os.environ.get("FUZZ", "500"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
EACH = 500
"""After so many a new room: what the requests made themselves is not to slow them down."""


@pytest.mark.parametrize("part", range(max(1, REQUESTS // EACH)))
@pytest.mark.timeout(0)
def test_made_up_requests_are_answered_or_refused(part: int, caplog: pytest.LogCaptureFixture) -> None:
    api = with_everything()
    fuzzer = Fuzzer(SEED * 100_000 + part, filled_in(SMALLEST, api))
    names = protocol.ecs()._model.shape_names
    for number in range(EACH):
        operation, body = fuzzer.request()
        with caplog.at_level(logging.WARNING):
            status, told = api.call(operation, body)
        case = f"seed {SEED} part {part} request {number}: {operation} {body!r}"
        assert status in (200, 400), f"{case}: {status} {told}"
        if status == 400:
            assert told["__type"] == "SerializationException" or told["__type"] in names, f"{case}: {told}"
            assert told["message"], case
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR], case
        if number % 50 == 0:
            api.simulation.advance(1)
            json.loads(api.get("/state").body)
