"""Where a toolbox beside a task cannot be: what is missing, and how it comes there."""

from __future__ import annotations

from typing import Any

import pytest
from docker.errors import ImageNotFound

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live.inside import must_have_toolbox

FURTHER = ("--host", "tcp://10.0.0.7:2376")


class FakeEngine:
    def __init__(self, *images: str) -> None:
        self.images = images

    def inspect_image(self, name: str) -> dict[str, str]:
        if name not in self.images:
            raise ImageNotFound(name)
        return {"Id": name}

    def close(self) -> None: ...


def refused(there: FakeEngine, own: FakeEngine) -> ChaosEcsError:
    client: Any = there
    connect: Any = lambda: own  # noqa: E731
    with pytest.raises(ChaosEcsError) as caught:
        must_have_toolbox(client, FURTHER, connect)
    return caught.value


def test_a_toolbox_that_no_engine_has_is_to_be_built() -> None:
    assert refused(FakeEngine(), FakeEngine()).hint == "chaos-ecs images build toolbox"


def test_one_that_only_the_own_engine_has_is_to_be_brought_to_the_other() -> None:
    said = refused(FakeEngine(), FakeEngine("chaos-ecs/toolbox:1"))
    assert said.hint == "docker save chaos-ecs/toolbox:1 | docker --host tcp://10.0.0.7:2376 load"
    assert "the own engine has it" in said.why
