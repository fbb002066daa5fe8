"""Figures and what can be said of them: medians with their span, and the bounds they are held against. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Key:
    """What a figure is about: the measurement, and whose figure it is."""

    measurement: str
    system: str


class Figures:
    """Every sample of the run, by what was measured and of whom. A unit belongs to a measurement."""

    def __init__(self) -> None:
        self._samples: dict[Key, list[float]] = {}
        self._units: dict[str, str] = {}
        self.troubles: list[str] = []  # what could not be measured, and why

    def add(self, measurement: str, system: str, value: float, unit: str = "ms") -> None:
        self._units[measurement] = unit
        self._samples.setdefault(Key(measurement, system), []).append(value)

    def rows(self) -> list[tuple[Key, list[float], str]]:
        """In the order of measurements, then of systems, as they were first added."""
        order = {measurement: place for place, measurement in enumerate(self._units)}
        ordered = sorted(self._samples, key=lambda key: order[key.measurement])
        return [(key, self._samples[key], self._units[key.measurement]) for key in ordered]

    def median(self, measurement: str, system: str) -> float | None:
        """None when it was not measured."""
        samples = self._samples.get(Key(measurement, system))
        return statistics.median(samples) if samples else None

    def greatest(self, measurement: str, system: str) -> float | None:
        """None when it was not measured."""
        return max(self._samples.get(Key(measurement, system), ()), default=None)

    def as_json(self) -> list[dict[str, Any]]:
        return [
            {
                "measurement": key.measurement,
                "system": key.system,
                "unit": unit,
                "median": statistics.median(samples),
                "min": min(samples),
                "max": max(samples),
                "samples": samples,
            }
            for key, samples, unit in self.rows()
        ]


@dataclass(frozen=True)
class Bound:
    """One promise of ours: our figure against `factor` times another figure, or against `limit` alone."""

    says: str
    measurement: str
    system: str
    factor: float = 1.0
    against: Key | None = None
    limit: float | None = None
    at_least: bool = False
    worst: bool = False  # our greatest sample counts, not the median: what must never happen


@dataclass(frozen=True)
class Verdict:
    bound: Bound
    met: bool | None  # None: could not be measured
    figure: str


def verdict(bound: Bound, figures: Figures, units: Mapping[str, str]) -> Verdict:
    """Whether the promise holds in this run, with the figures that say so."""
    told = figures.greatest if bound.worst else figures.median
    ours = told(bound.measurement, bound.system)
    theirs = figures.median(bound.against.measurement, bound.against.system) if bound.against else bound.limit
    if ours is None or theirs is None:
        return Verdict(bound, None, "not measured")
    allowed = theirs * bound.factor
    met = ours >= allowed if bound.at_least else ours <= allowed
    unit = units.get(bound.measurement, "")
    ratio = f" = {ours / theirs:.2f} x" if bound.against and theirs else ""
    beside = f" against {theirs:.4g} {unit} of {bound.against.system}{ratio}" if bound.against else ""
    return Verdict(bound, met, f"{ours:.4g} {unit}{beside}")
