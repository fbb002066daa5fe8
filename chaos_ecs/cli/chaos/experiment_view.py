"""The view of a running experiment: the cluster's lines and panel, and how far its actions are. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chaos_ecs.cli import panel
from chaos_ecs.cli.chaos.experiment_file import ExperimentFile
from chaos_ecs.cli.chaos.experiment_words import fault_of
from chaos_ecs.cli.chaos.fault_words import span
from chaos_ecs.cli.layout import cut
from chaos_ecs.cli.line import Line
from chaos_ecs.cli.lines import lines_of
from chaos_ecs.cli.panel import Frame
from chaos_ecs.cli.snapshot import Event, Snapshot

_FAREWELL = " Ctrl-C stops the experiment and undoes it"


@dataclass
class ExperimentView:
    """`told` is what GetExperiment said last."""

    file: ExperimentFile
    cluster: str
    told: Mapping[str, Any] = field(default_factory=dict)

    def lines(self, events: Sequence[Event], snapshot: Snapshot) -> list[Line]:
        return lines_of(events)

    def panel(self, snapshot: Snapshot, frame: Frame) -> list[str]:
        """The cluster's panel with one row more, right below the rule."""
        less = min(frame.height, panel.MOST_ROWS + 3) - 1
        rule, *rows = panel.rows(snapshot, self.cluster, replace(frame, height=less, farewell=_FAREWELL))
        return [rule, cut(self.row(snapshot.at), frame.width, frame.symbols), *rows]

    def row(self, now: float) -> str:
        """experiment  running   slow running 4s of 10s   lose pending"""
        if not self.told:
            return " experiment  begins"
        parts = [str(self.told["state"]["status"])]
        actions = self.told.get("actions") or {}
        parts += [f"{name} {self._how_far(actions[name], now)}" for name in self.file.template["actions"]]
        return " experiment  " + "   ".join(parts)

    @staticmethod
    def _how_far(action: Mapping[str, Any], now: float) -> str:
        status = str(action["state"]["status"])
        began_at = action.get("startTime")
        if status != "running" or began_at is None:
            return status
        lasts = fault_of(action).seconds
        of = f" of {span(lasts)}" if lasts else ""
        return f"{status} {span(max(0.0, now - began_at))}{of}"
