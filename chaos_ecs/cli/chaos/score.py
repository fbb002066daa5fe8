"""The score of a chaos run: what was asked for, who was hit, how long it took to be whole, what a client saw. Pure.

Frozen values, as a journal keeps them (`x-chaos-ecs`) and every view and report draws them. Times are seconds since the
run began. Never here: how they come about (see `scoreboard.py`), and how they look (see `scoreview.py`, `report_*.py`).
"""

from __future__ import annotations

import hashlib
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos_ecs.chaos.victims import SEEDS
from chaos_ecs.config import DEFAULT_CLUSTER
from chaos_ecs.probe.tally import percentile

KIND = "run"
FEWEST_SAMPLES = 5
"""A percentile of fewer is no percentile."""
_KILL = "kill"
_RATE = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for, in the words of the command line; the same plan hits the same positions in the same order.
    `goal` is the percent of requests that must be answered, None: no goal."""

    service: str  # its name
    cluster: str = ""
    fault: str = _KILL
    parameters: Mapping[str, str] = field(default_factory=dict)
    count: int = 1
    seed: int = 0
    every: float = 5.0
    lasts: float = 60.0
    goal: float | None = None
    rate: float = _RATE
    force: bool = False
    control: bool = True

    def ticks(self) -> tuple[float, ...]:
        """When it is hit: at every multiple of `every` before the end."""
        count = math.ceil(round(self.lasts / self.every, 9)) - 1
        return tuple(round(tick * self.every, 6) for tick in range(1, count + 1))

    def seed_of(self, tick: int) -> int:
        """The seed of the n-th tick, of nothing but the run's seed and n: a tick that is skipped bends no other."""
        return int.from_bytes(hashlib.sha256(f"{self.seed}/{tick}".encode()).digest()[:8], "big") % SEEDS

    def command(self) -> str:
        """The command line that does it again."""
        words = ["chaos-ecs", "chaos", "run", self.service, "--every", f"{self.every:g}s", "--for", f"{self.lasts:g}s"]
        words += ["--seed", str(self.seed)]
        words += [] if self.goal is None else ["--slo", f"{self.goal:.10g}"]
        words += [] if self.fault == _KILL else ["--fault", self.fault]
        for name, value in self.parameters.items():
            words += ["--set", f"{name}={value}"]
        words += [] if self.count == 1 else ["--count", str(self.count)]
        words += [] if self.rate == _RATE else ["--rate", f"{self.rate:g}"]
        words += ["--force"] if self.force else []
        words += [] if self.control else ["--no-control"]
        words += [] if self.cluster in ("", DEFAULT_CLUSTER) else ["--cluster", self.cluster]
        return shlex.join(words)

    @property
    def noun(self) -> str:
        """What one tick does."""
        return self.fault if self.fault == _KILL else "fault"

    def as_json(self) -> dict[str, Any]:
        return {
            "cluster": self.cluster,
            "service": self.service,
            "fault": self.fault,
            "parameters": dict(self.parameters),
            "count": self.count,
            "seed": self.seed,
            "everySeconds": self.every,
            "forSeconds": self.lasts,
            "goal": self.goal,
            "rate": self.rate,
            "force": self.force,
            "withControl": self.control,
        }

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Plan:
        """Raises KeyError, TypeError or ValueError for what is none."""
        return cls(
            service=str(raw["service"]),
            cluster=str(raw.get("cluster") or ""),
            fault=str(raw.get("fault") or _KILL),
            parameters={str(name): str(value) for name, value in (raw.get("parameters") or {}).items()},
            count=int(raw.get("count") or 1),
            seed=int(raw["seed"]),
            every=float(raw["everySeconds"]),
            lasts=float(raw["forSeconds"]),
            goal=None if raw.get("goal") is None else float(raw["goal"]),
            rate=float(raw.get("rate") or _RATE),
            force=bool(raw.get("force")),
            control=bool(raw.get("withControl", True)),
        )


@dataclass(frozen=True, slots=True)
class Victim:
    """A task (its ARN) and its place among those that could have been hit, in order of creation: 2 of 3."""

    task: str
    position: int
    of: int


@dataclass(frozen=True, slots=True)
class Strike:
    """One tick that hit. `overlaps` are the numbers of those that were not made good yet; `whole_at` is when
    everything was whole again; `failed` are the requests that failed meanwhile, None without a client. `unproven`
    says why it is not known whether it took effect."""

    number: int
    tick: int
    due: float
    at: float
    fault: str
    victims: tuple[Victim, ...]
    overlaps: tuple[int, ...] = ()
    replacements: tuple[str, ...] = ()
    whole_at: float | None = None
    failed: int | None = None
    unproven: str = ""

    @property
    def seconds(self) -> float | None:
        """The recovery."""
        return None if self.whole_at is None else max(0.0, self.whole_at - self.at)

    @property
    def positions(self) -> tuple[int, ...]:
        return tuple(victim.position for victim in self.victims)

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "tick": self.tick,
            "due": self.due,
            "at": round(self.at, 3),
            "fault": self.fault,
            "victims": [{"task": item.task, "position": item.position, "of": item.of} for item in self.victims],
            "overlaps": list(self.overlaps),
            "replacements": list(self.replacements),
            "wholeAt": _rounded(self.whole_at),
            "seconds": _rounded(self.seconds),
            "failedRequests": self.failed,
            "unproven": self.unproven or None,
        }

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Strike:
        return cls(
            number=int(raw["number"]),
            tick=int(raw["tick"]),
            due=float(raw["due"]),
            at=float(raw["at"]),
            fault=str(raw.get("fault") or ""),
            victims=tuple(Victim(str(item["task"]), int(item["position"]), int(item["of"])) for item in raw["victims"]),
            overlaps=tuple(int(number) for number in raw.get("overlaps") or ()),
            replacements=tuple(str(task) for task in raw.get("replacements") or ()),
            whole_at=_number(raw.get("wholeAt")),
            failed=None if raw.get("failedRequests") is None else int(raw["failedRequests"]),
            unproven=str(raw.get("unproven") or ""),
        )


@dataclass(frozen=True, slots=True)
class Skip:
    """A tick that hit nobody, and why."""

    tick: int
    due: float
    reason: str


@dataclass(frozen=True, slots=True)
class Control:
    """The standalone task (its ARN) that is killed with the first: nobody is to replace it."""

    task: str
    killed_at: float | None = None
    replacements: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client saw. `seconds` are pairs of answered and failed, one a second from the beginning on."""

    url: str
    requests: int = 0
    failed: int = 0
    causes: Mapping[str, int] = field(default_factory=dict)
    p50: float | None = None
    p99: float | None = None
    seconds: tuple[tuple[int, int], ...] = ()

    @property
    def availability(self) -> float | None:
        """In percent, not rounded."""
        return 100 * (self.requests - self.failed) / self.requests if self.requests else None

    def as_json(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "requests": self.requests,
            "failed": self.failed,
            "availability": _rounded(self.availability, 6),
            "causes": dict(self.causes),
            "p50": self.p50,
            "p99": self.p99,
            "perSecond": [list(pair) for pair in self.seconds],
        }

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Asked:
        return cls(
            url=str(raw.get("url") or ""),
            requests=int(raw["requests"]),
            failed=int(raw["failed"]),
            causes={str(name): int(count) for name, count in (raw.get("causes") or {}).items()},
            p50=_number(raw.get("p50")),
            p99=_number(raw.get("p99")),
            seconds=tuple((int(ok), int(failed)) for ok, failed in raw.get("perSecond") or ()),
        )


@dataclass(frozen=True, slots=True)
class Recovery:
    """Nearest-rank percentiles of the recoveries; None under five, `worst` also of none."""

    n: int
    p50: float | None
    p95: float | None
    worst: float | None


@dataclass(frozen=True, slots=True)
class Weakest:
    """The fewest healthy tasks that were seen, and when first."""

    healthy: int
    at: float


@dataclass(frozen=True, slots=True)
class Score:
    """A run at one moment, `lasted` seconds after its beginning. `healthy` is (when, how many) at each change;
    `no_client` says why there is no client; `others` counts deaths of the service's tasks that somebody else caused."""

    plan: Plan
    run: int
    desired: int
    lasted: float
    strikes: tuple[Strike, ...] = ()
    skips: tuple[Skip, ...] = ()
    healthy: tuple[tuple[float, int], ...] = ()
    client: Asked | None = None
    no_client: str = ""
    control: Control | None = None
    balanced: bool = False
    over: bool = False
    interrupted: bool = False
    others: int = 0
    about: Mapping[str, Any] = field(default_factory=dict)  # engine, simulated, taskDefinition, pace

    # --- figures ---

    @property
    def replaced(self) -> int:
        """Tasks that took a victim's place for good: while a strike is open, what was started for it may not serve."""
        return sum(len(strike.replacements) for strike in self.strikes if strike.whole_at is not None)

    @property
    def open(self) -> tuple[Strike, ...]:
        """Strikes that are not made good."""
        return tuple(strike for strike in self.strikes if strike.whole_at is None)

    @property
    def unproven(self) -> tuple[Strike, ...]:
        return tuple(strike for strike in self.strikes if strike.unproven)

    @property
    def recovery(self) -> Recovery:
        times = sorted(strike.seconds for strike in self.strikes if strike.seconds is not None)
        enough = len(times) >= FEWEST_SAMPLES
        p50, p95 = (percentile(times, percent) if enough else None for percent in (50, 95))
        return Recovery(len(times), p50, p95, times[-1] if times else None)

    @property
    def weakest(self) -> Weakest | None:
        if not self.healthy:
            return None
        at, count = min(self.healthy, key=lambda item: item[1])
        return Weakest(count, at)

    @property
    def was_always_whole(self) -> bool:
        """Whether it was seen, and never seen with fewer healthy tasks than desired: nothing had to recover."""
        return self.weakest is not None and self.weakest.healthy >= self.desired

    @property
    def met(self) -> bool | None:
        """Whether the goal is; None without one. Without a request it is missed."""
        if self.plan.goal is None:
            return None
        found = self.client.availability if self.client else None
        return found is not None and found >= self.plan.goal

    @property
    def control_was_replaced(self) -> bool:
        return self.control is not None and self.control.replacements > 0

    @property
    def code(self) -> int:
        """The exit code."""
        if self.interrupted and not self.control_was_replaced:
            return 130
        is_good = self.strikes and not self.open and not self.unproven and self.met is not False
        return 0 if is_good and not self.control_was_replaced else 1

    def as_json(self) -> dict[str, Any]:
        """What a journal keeps under `x-chaos-ecs`, and `--json` prints."""
        recovery, weakest, control = self.recovery, self.weakest, self.control
        return {
            "kind": KIND,
            "run": self.run,
            **self.plan.as_json(),
            **self.about,
            "desired": self.desired,
            "balanced": self.balanced,
            "lastedSeconds": round(self.lasted, 3),
            "over": self.over,
            "interrupted": self.interrupted,
            "recovered": bool(self.strikes) and not self.open,
            "slo": None if self.met is None else "met" if self.met else "missed",
            "kills": [strike.as_json() for strike in self.strikes],
            "skipped": [{"tick": item.tick, "due": item.due, "reason": item.reason} for item in self.skips],
            "recovery": {name: _rounded(getattr(recovery, name)) for name in ("n", "p50", "p95", "worst")},
            "otherDeaths": self.others,
            "weakest": None if weakest is None else {"healthy": weakest.healthy, "at": round(weakest.at, 3)},
            "healthy": [[round(at, 3), count] for at, count in self.healthy],
            "client": None if self.client is None else self.client.as_json(),
            "noClient": self.no_client or None,
            "control": None
            if control is None
            else {
                "task": control.task,
                "killedAt": _rounded(control.killed_at),
                "replacements": control.replacements,
            },
        }

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Score:
        """What `as_json` made. Raises KeyError, TypeError or ValueError for what is none."""
        control = raw.get("control")
        return cls(
            plan=Plan.of(raw),
            run=int(raw.get("run") or 0),
            desired=int(raw["desired"]),
            lasted=float(raw["lastedSeconds"]),
            strikes=tuple(Strike.of(item) for item in raw["kills"]),
            skips=tuple(Skip(int(item["tick"]), float(item["due"]), str(item["reason"])) for item in raw["skipped"]),
            healthy=tuple((float(at), int(count)) for at, count in raw.get("healthy") or ()),
            client=Asked.of(raw["client"]) if raw.get("client") else None,
            no_client=str(raw.get("noClient") or ""),
            control=Control(str(control["task"]), _number(control.get("killedAt")), int(control["replacements"]))
            if control
            else None,
            balanced=bool(raw.get("balanced")),
            over=bool(raw.get("over", True)),
            interrupted=bool(raw.get("interrupted")),
            others=int(raw.get("otherDeaths") or 0),
            about={name: raw[name] for name in ABOUT if name in raw},
        )


ABOUT = ("version", "engine", "simulated", "taskDefinition", "pace")


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
