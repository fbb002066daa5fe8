"""Settings, read once from CHAOS_ECS_* variables, and the places in the state folder. Decides nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PORT = 8481
DEFAULT_REGION = "us-east-1"
DEFAULT_CLUSTER = "my-cluster"
DEFAULT_PACE = "demo"
PACES = ("demo", "aws")  # as `core/pace.py` has them
DEFAULT_PROBE_RATE = 5.0
HIGHEST_PROBE_RATE = 1000.0
FASTEST_CLOCK = 3600


@dataclass(frozen=True)
class Settings:
    """`home` is the state folder: everything chaos-ecs keeps on this machine outside Docker."""

    home: Path
    port: int = DEFAULT_PORT
    region: str = DEFAULT_REGION
    cluster: str = DEFAULT_CLUSTER
    pace: str = DEFAULT_PACE  # how fast the scheduler takes its steps
    probe_rate: float = DEFAULT_PROBE_RATE  # requests a second to each listener of the load balancer; 0: none
    events_to: tuple[str, ...] = ()  # files and addresses that events in EventBridge's shapes go to

    @property
    def database(self) -> Path:
        return self.home / "state.db"

    @property
    def credentials(self) -> Path:
        return self.home / "credentials.json"

    @property
    def controller_file(self) -> Path:
        """Where the running controller says its pid and port."""
        return self.home / "controller.json"

    @property
    def controller_log(self) -> Path:
        return self.home / "controller.log"

    @property
    def controller_error(self) -> Path:
        """Why the last controller could not run."""
        return self.home / "controller-error.json"

    @property
    def home_id_file(self) -> Path:
        return self.home / "home-id"


def read(environment: Mapping[str, str]) -> Settings:
    """Settings from the environment: CHAOS_ECS_HOME, CHAOS_ECS_PORT, CHAOS_ECS_REGION, CHAOS_ECS_CLUSTER,
    CHAOS_ECS_PACE, CHAOS_ECS_PROBE, CHAOS_ECS_EVENTS_TO.

    Raises ValueError naming the variable and its value.
    """
    import platformdirs

    home = environment.get("CHAOS_ECS_HOME") or platformdirs.user_data_dir("chaos-ecs", appauthor=False)
    port = environment.get("CHAOS_ECS_PORT") or str(DEFAULT_PORT)
    if not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ValueError(f"CHAOS_ECS_PORT is {port!r}: it must be a number from 1 to 65535")
    pace = environment.get("CHAOS_ECS_PACE") or DEFAULT_PACE
    if pace not in PACES:
        raise ValueError(f"CHAOS_ECS_PACE is {pace!r}: it must be one of {', '.join(PACES)}")
    return Settings(
        home=Path(home).expanduser().resolve(),
        port=int(port),
        region=environment.get("CHAOS_ECS_REGION") or DEFAULT_REGION,
        cluster=environment.get("CHAOS_ECS_CLUSTER") or DEFAULT_CLUSTER,
        pace=pace,
        probe_rate=_probe_rate(environment.get("CHAOS_ECS_PROBE") or str(DEFAULT_PROBE_RATE)),
        events_to=event_targets((environment.get("CHAOS_ECS_EVENTS_TO") or "").split(",")),
    )


def event_targets(told: Iterable[str]) -> tuple[str, ...]:
    """Each once; files by their whole path, for the controller's folder is another. Whether they can be targets says
    `live/event_targets.py`."""
    named = (text.strip() for text in told)
    whole = (text if "://" in text else str(Path(text).expanduser().absolute()) for text in named if text)
    return tuple(dict.fromkeys(whole))


def speed(told: str) -> int:
    """How many times as fast as the machine's a pressed clock runs: x60 -> 60. Raises ValueError."""
    found = re.fullmatch(r"x([0-9]{1,4})", told)
    if not found or not 1 <= int(found[1]) <= FASTEST_CLOCK:
        raise ValueError(f"{told!r} is no clock: it is x1 to x{FASTEST_CLOCK}; at x60 a minute passes in a second")
    return int(found[1])


def _probe_rate(told: str) -> float:
    if told == "off":
        return 0.0
    rate = float(told) if re.fullmatch(r"\d{1,4}(\.\d{1,3})?", told) else 0.0
    if not 0 < rate <= HIGHEST_PROBE_RATE:
        raise ValueError(f"CHAOS_ECS_PROBE is {told!r}: it must be off, or up to {HIGHEST_PROBE_RATE:.0f} a second")
    return rate
