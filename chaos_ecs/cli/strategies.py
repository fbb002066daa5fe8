"""How a deployment replaces the old tasks: the options for it, checked, as ECS's deployment configuration.

Pure. Never here: what the stages do (see `core/shifting.py`), and how they are shown (see `shiftview.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any

import typer

from chaos_ecs.errors import ChaosEcsError


class StrategyName(StrEnum):
    """As on the command line; on the wire in capitals, with `_`."""

    ROLLING = "rolling"
    BLUE_GREEN = "blue-green"
    CANARY = "canary"
    LINEAR = "linear"

    @property
    def wire(self) -> str:
        return self.value.replace("-", "_").upper()


PERCENT, STEP_BAKE_MINUTES, BAKE_MINUTES = 10.0, 1, 1
"""Where the options are silent: short enough for a lesson. ECS's own: 5 and 10 (canary), 10 and 6 (linear)."""

_LOWEST = {"CANARY": 0.1, "LINEAR": 3.0}  # API_CanaryConfiguration, API_LinearConfiguration
_STEPS = {
    "CANARY": ("canaryConfiguration", "canaryPercent", "canaryBakeTimeInMinutes"),
    "LINEAR": ("linearConfiguration", "stepPercent", "stepBakeTimeInMinutes"),
}
PAUSABLE = (
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
)
"""API_DeploymentLifecycleHook: where a hook of target type PAUSE may be."""
_MOST_MINUTES = 1440
_HELP = "chaos-ecs service deploy --help"


def strategy_named(text: str) -> StrategyName:
    """The strategy that was meant: blue-green, BLUE_GREEN or bluegreen. Raises a usage error."""
    known = {name.replace("-", ""): name for name in StrategyName}
    plain = text.strip().lower().replace("-", "").replace("_", "")
    if plain in known:
        return known[plain]
    meant = [f". Did you mean {known[name]}?" for name in get_close_matches(plain, known, n=1)]
    raise typer.BadParameter(f"{text!r} is none of {', '.join(StrategyName)}{''.join(meant)}")


StrategyOption = Annotated[
    StrategyName | None,
    typer.Option("--strategy", parser=strategy_named, metavar="|".join(StrategyName),
                 autocompletion=lambda: list(StrategyName), help="How requests move to the new tasks (new: rolling)."),
]  # fmt: skip
PercentOption = Annotated[
    float | None, typer.Option("--percent", help=f"canary, linear: percent a step moves (new: {PERCENT:g}).")
]
StepBakeOption = Annotated[
    int | None,
    typer.Option("--step-bake", min=0, max=_MOST_MINUTES, metavar="MINUTES",
                 help=f"canary, linear: wait after a step (new: {STEP_BAKE_MINUTES})."),
]  # fmt: skip
BakeOption = Annotated[
    int | None,
    typer.Option("--bake", min=0, max=_MOST_MINUTES, metavar="MINUTES",
                 help=f"Keep the old tasks so long after the last step (new: {BAKE_MINUTES})."),
]  # fmt: skip
PauseOption = Annotated[
    list[str] | None, typer.Option("--pause-at", metavar="STAGE", help="Wait there to be continued; may be repeated.")
]
TestPortOption = Annotated[
    int | None,
    typer.Option("--test-port", min=1, max=65535,
                 help="A listener that leads to the new tasks first. Ports: the next four after the balancer's first "
                 "are spare; any other one makes its container anew: one or two seconds without service for all."),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shifting:
    """What the options say of the strategy: None means "as it is", or the default of a strategy that is named."""

    strategy: str | None = None  # as on the wire
    percent: float | None = None
    step_bake: int | None = None
    bake: int | None = None
    pause_at: tuple[str, ...] = ()
    test_port: int | None = None

    @classmethod
    def of(
        cls,
        strategy: StrategyName | None,
        percent: float | None = None,
        step_bake: int | None = None,
        bake: int | None = None,
        pause_at: Sequence[str] | None = None,
        test_port: int | None = None,
    ) -> Shifting:
        """Raises E-USAGE for a stage that cannot pause."""
        stages = tuple(dict.fromkeys(stage_named(text) for text in pause_at or ()))
        return cls(strategy.wire if strategy else None, percent, step_bake, bake, stages, test_port)

    @property
    def is_plain(self) -> bool:
        return self == Shifting()

    def moves_traffic(self, known: Mapping[str, Any]) -> bool:
        """Whether two target groups are needed; `known` is the service's deployment configuration."""
        return self.wire(known) != "ROLLING"

    def wire(self, known: Mapping[str, Any]) -> str:
        return self.strategy or str(known.get("strategy") or "ROLLING")

    def configuration(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """The members of deploymentConfiguration; raises E-USAGE for what does not fit the strategy.

        Worked example: --strategy canary --percent 20 is CANARY with canaryPercent 20, canaryBakeTimeInMinutes 1,
        bakeTimeInMinutes 1 and no hooks; --percent 30 later changes only that.
        """
        if self.is_plain:
            return {}
        wire, is_named = self.wire(known), self.strategy is not None
        self._check(wire)
        told: dict[str, Any] = {"strategy": wire}
        if wire == "ROLLING":
            return told | {"lifecycleHooks": []}
        if is_named or self.bake is not None:
            told["bakeTimeInMinutes"] = BAKE_MINUTES if self.bake is None else self.bake
        if wire in _STEPS and (is_named or self.percent is not None or self.step_bake is not None):
            member, percent, minutes = _STEPS[wire]
            before = {} if is_named else known.get(member) or {}
            told[member] = {
                percent: before.get(percent, PERCENT) if self.percent is None else self.percent,
                minutes: before.get(minutes, STEP_BAKE_MINUTES) if self.step_bake is None else self.step_bake,
            }
        if is_named or self.pause_at:
            hook = {"targetType": "PAUSE", "lifecycleStages": list(self.pause_at)}
            told["lifecycleHooks"] = [hook] if self.pause_at else []
        return told

    def _check(self, wire: str) -> None:
        options = {
            "--percent": self.percent,
            "--step-bake": self.step_bake,
            "--bake": self.bake,
            "--pause-at": self.pause_at or None,
            "--test-port": self.test_port,
        }
        given = [name for name, value in options.items() if value is not None]
        if wire == "ROLLING" and given:
            why = "a rolling deployment replaces tasks a few at a time; it moves no traffic between two groups of them"
            raise usage(f"{given[0]} does not go with the strategy rolling", why, f"{_WITH} {given[0]} ...")
        stepwise = [name for name in given if name in ("--percent", "--step-bake")]
        if wire == "BLUE_GREEN" and stepwise:
            why = "it moves all requests at once"
            raise usage(f"{stepwise[0]} does not go with the strategy blue-green", why, f"{_WITH} {stepwise[0]} ...")
        if self.percent is not None and not _fits(self.percent, _LOWEST[wire]):
            why = f"{wire} takes {_LOWEST[wire]:g} to 100, in steps of 0.1"
            hint = f"chaos-ecs service deploy NAME --strategy {wire.lower()} --percent {PERCENT:g}"
            raise usage(f"--percent {self.percent:g} is out of range", why, hint)


_WITH = "chaos-ecs service deploy NAME --strategy canary"


def _fits(percent: float, lowest: float) -> bool:
    return lowest <= percent <= 100 and abs(percent * 10 - round(percent * 10)) < 1e-6


def stage_named(text: str) -> str:
    """The stage that was meant: post-test-traffic-shift or POST_TEST_TRAFFIC_SHIFT. Raises E-USAGE."""
    stage = text.strip().replace("-", "_").upper()
    if stage in PAUSABLE:
        return stage
    hint = f"chaos-ecs service deploy NAME --strategy blue-green --pause-at {PAUSABLE[3]}"
    raise usage(f"A deployment cannot pause at {text}", f"stages with a pause: {', '.join(PAUSABLE)}", hint)


def usage(what: str, why: str, hint: str = _HELP) -> ChaosEcsError:
    return ChaosEcsError("E-USAGE", what, why, hint, 2)


def bake_minutes(configuration: Mapping[str, Any]) -> float:
    """For how many minutes a deployment of this configuration waits, hooks apart.

    Worked example: LINEAR by 25 % waits after 25, 50 and 75, not after 100: three times.
    """
    wire = str(configuration.get("strategy") or "ROLLING")
    if wire == "ROLLING":
        return 0
    whole = float(configuration.get("bakeTimeInMinutes") or 0)
    if wire not in _STEPS:
        return whole
    member, percent, minutes = _STEPS[wire]
    told = configuration.get(member) or {}
    share = float(told.get(percent) or 100)
    steps = 1 if wire == "CANARY" else -(-100 // share) - 1
    return whole + (steps if share < 100 else 0) * float(told.get(minutes) or 0)


def pauses(configuration: Mapping[str, Any]) -> list[str]:
    """The stages after which a deployment of this configuration waits to be continued."""
    if str(configuration.get("strategy") or "ROLLING") == "ROLLING":
        return []
    hooks = [hook for hook in configuration.get("lifecycleHooks") or () if hook.get("targetType") == "PAUSE"]
    return [str(stage) for hook in hooks for stage in hook.get("lifecycleStages") or ()]


def terms(configuration: Mapping[str, Any]) -> str:
    """In a few words: CANARY 10%, step bake 1 min, bake 1 min. "" for ROLLING."""
    wire = str(configuration.get("strategy") or "ROLLING")
    if wire == "ROLLING":
        return ""
    told = [wire]
    if wire in _STEPS:
        member, percent, minutes = _STEPS[wire]
        step = configuration.get(member) or {}
        every = " a step" if wire == "LINEAR" else ""
        told = [f"{wire} {float(step.get(percent) or 0):g}%{every}, step bake {step.get(minutes) or 0} min"]
    told.append(f"bake {configuration.get('bakeTimeInMinutes') or 0} min")
    return ", ".join(told)
