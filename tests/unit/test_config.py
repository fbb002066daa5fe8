from pathlib import Path

import pytest

from chaos_ecs.config import read


def test_the_defaults_are_the_lessons_own() -> None:
    settings = read({})
    assert (settings.port, settings.region, settings.cluster) == (8481, "us-east-1", "my-cluster")
    assert settings.home.name == "chaos-ecs"


def test_the_environment_overrides_every_default(tmp_path: Path) -> None:
    settings = read(
        {
            "CHAOS_ECS_HOME": str(tmp_path / "room"),
            "CHAOS_ECS_PORT": "9000",
            "CHAOS_ECS_REGION": "eu-west-1",
            "CHAOS_ECS_CLUSTER": "dev",
        }
    )
    assert (settings.port, settings.region, settings.cluster) == (9000, "eu-west-1", "dev")
    assert settings.database == tmp_path / "room" / "state.db"


@pytest.mark.parametrize("port", ["0", "-1", "65536", "http", "8481.0"])
def test_a_port_that_is_none_is_refused_by_name(port: str) -> None:
    with pytest.raises(ValueError, match="CHAOS_ECS_PORT"):
        read({"CHAOS_ECS_PORT": port})


@pytest.mark.parametrize(("told", "rate"), [("", 5.0), ("off", 0.0), ("20", 20.0), ("0.5", 0.5)])
def test_the_rate_of_the_controllers_own_client(told: str, rate: float) -> None:
    assert read({"CHAOS_ECS_PROBE": told}).probe_rate == rate


@pytest.mark.parametrize("told", ["0", "-1", "1001", "often", "1e2", "nan"])
def test_a_rate_that_is_none_is_refused_by_name(told: str) -> None:
    with pytest.raises(ValueError, match="CHAOS_ECS_PROBE"):
        read({"CHAOS_ECS_PROBE": told})
