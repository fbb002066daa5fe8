"""A small neural network in numpy: one hidden layer, trained by stochastic gradient descent with momentum.

Nothing here is left to chance: an epoch's order comes from the seed and its number alone, so whoever resumes after it
goes on exactly as if nothing had happened.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SEED = 7
POINTS, HIDDEN, BATCH = 2000, 32, 50
RATE, MOMENTUM = 0.05, 0.9
SHAPES = {"w1": (2, HIDDEN), "b1": (HIDDEN,), "w2": (HIDDEN, 1), "b2": (1,)}


def dataset() -> tuple[Array, Array]:
    """Points of two spirals that wind around each other, and which of the two each belongs to."""
    random = np.random.default_rng(SEED)
    spiral = np.arange(POINTS) % 2
    along = np.sqrt(random.random(POINTS)) * 2 * np.pi
    angle = along + spiral * np.pi
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * along[:, None] / (2 * np.pi)
    return points + random.normal(scale=0.02, size=points.shape), spiral[:, None].astype(np.float64)


class Model:
    """`state` is all there is to save: the weights and, for the momentum, how they moved last."""

    def __init__(self) -> None:
        random = np.random.default_rng(SEED)
        self.state: dict[str, Array] = {}
        for name, shape in SHAPES.items():
            self.state[name] = random.normal(scale=1.0, size=shape)
            self.state[f"moved_{name}"] = np.zeros(shape)
        self._points, self._labels = dataset()

    def train(self, epoch: int) -> float:
        """One pass over all points, in an order of its own; answers the mean loss."""
        order = np.random.default_rng((SEED, epoch)).permutation(POINTS)
        losses = [self._step(order[begin : begin + BATCH]) for begin in range(0, POINTS, BATCH)]
        return float(np.mean(losses))

    def _step(self, chosen: NDArray[np.int64]) -> float:
        points, labels, state = self._points[chosen], self._labels[chosen], self.state
        hidden = np.tanh(points @ state["w1"] + state["b1"])
        guess = 1 / (1 + np.exp(-(hidden @ state["w2"] + state["b2"])))
        wrong = (guess - labels) / len(chosen)
        back = (wrong @ state["w2"].T) * (1 - hidden**2)
        slopes = {"w1": points.T @ back, "b1": back.sum(axis=0), "w2": hidden.T @ wrong, "b2": wrong.sum(axis=0)}
        for name, slope in slopes.items():
            state[f"moved_{name}"] = MOMENTUM * state[f"moved_{name}"] - RATE * slope
            state[name] = state[name] + state[f"moved_{name}"]
        likely = np.clip(np.where(labels == 1, guess, 1 - guess), 1e-12, 1)
        return float(-np.log(likely).mean())
