"""How far a deployment that moves traffic is, as the state, an event or ECS's own record of it say. Pure.

Never here: wording (see `shiftview.py`, `deploylines.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chaos_ecs.cli.snapshot import Event


@dataclass(frozen=True, slots=True)
class Pause:
    """A hook that holds the deployment until it is continued; `expires_at` in seconds since the epoch."""

    hook: str
    stage: str
    expires_at: float | None = None
    timeout_action: str = "ROLLBACK"


@dataclass(frozen=True, slots=True)
class Shift:
    """How far it is: `production` and `test` are percent of the requests that the new tasks are sent; `minutes` of
    baking are over at `until` and began at `began_at`, 0 where that is not known."""

    stage: str
    production: float = 0.0
    test: float = 0.0
    minutes: float = 0.0
    until: float | None = None
    began_at: float = 0.0
    pause: Pause | None = None
    strategy: str = ""

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Shift | None:
        """From API_ServiceDeployment; None where it is a rolling one."""
        if not record.get("lifecycleStage"):
            return None
        target = record.get("targetServiceRevision") or {}
        return cls(
            stage=str(record["lifecycleStage"]),
            production=float(target.get("requestedProductionTrafficWeight") or 0),
            test=float(target.get("requestedTestTrafficWeight") or 0),
            pause=pause_of(record),
            strategy=str((record.get("deploymentConfiguration") or {}).get("strategy") or ""),
        )

    @classmethod
    def of_state(cls, raw: Mapping[str, Any] | None) -> Shift | None:
        """From a deployment in the state snapshot."""
        if not raw or not raw.get("stage"):
            return None
        held = raw.get("pause") or None
        return cls(
            stage=str(raw["stage"]),
            production=float(raw.get("productionPercent") or 0),
            test=float(raw.get("testPercent") or 0),
            minutes=float(raw.get("bakeMinutes") or 0),
            until=raw.get("until"),
            began_at=float(raw["stageSince"]) if raw["stage"] == "BAKE_TIME" else 0.0,  # a step is younger
            pause=None if held is None else _pause(held, str(raw["stage"])),
            strategy=str(raw.get("strategy") or ""),
        )

    def after(self, event: Event) -> Shift:
        """The same once this event of its deployment has been told."""
        if event.type == "DEPLOYMENT_PAUSED":
            return replace(self, pause=_pause(event.data or {}, self.stage))
        if event.type == "DEPLOYMENT_CONTINUED":
            return replace(self, pause=None)
        return told_by(event) if event.type == "DEPLOYMENT_STAGE" else self


def told_by(event: Event) -> Shift:
    """What an event of type DEPLOYMENT_STAGE says."""
    return Shift(
        stage=str(event.get("stage") or ""),
        production=float(event.get("productionPercent") or 0),
        test=float(event.get("testPercent") or 0),
        minutes=float(event.get("bakeMinutes") or 0),
        until=event.get("until"),
        began_at=event.at,
        strategy=str(event.get("strategy") or ""),
    )


def pause_of(record: Mapping[str, Any]) -> Pause | None:
    """The hook of API_ServiceDeployment that waits to be continued."""
    waiting = (item for item in record.get("lifecycleHookDetails") or () if item.get("status") == "AWAITING_ACTION")
    held = next(waiting, None)
    return None if held is None else _pause(held, str(record.get("lifecycleStage") or ""))


def _pause(raw: Mapping[str, Any], stage: str) -> Pause:
    expires_at = raw.get("expiresAt")
    return Pause(
        hook=str(raw.get("hookId") or ""),
        stage=str(raw.get("stage") or stage),
        expires_at=None if expires_at is None else float(expires_at),
        timeout_action=str(raw.get("timeoutAction") or "ROLLBACK"),
    )
