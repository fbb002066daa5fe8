"""Trains a model for some seconds or minutes, and puts its state aside in /data every few percent.

A standalone task that is killed is not replaced: somebody runs it again, and it resumes where the last checkpoint is.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from workloads.shared import DATA, Ending, SettingError, StopError, number, say, written
from workloads.train.model import Model

CHECKPOINT, RESULT = DATA / "checkpoint.npz", DATA / "model.npz"
CHECKPOINTS = 20  # in a whole training


def main(arguments: list[str], ending: Ending) -> int:
    epochs, seconds = int(number("EPOCHS", 100)), number("SECONDS", 20)
    if arguments or not epochs:
        raise SettingError("train takes no word, and EPOCHS of 1 or more")
    model = Model()
    done = resumed(model)
    if done:
        say(f"train: resumes at {100 * done // epochs} %, after epoch {done} of {epochs}")
    else:
        say(f"train: begins, {epochs} epochs")
    train(model, range(done + 1, epochs + 1), seconds / epochs, ending)
    save(RESULT, model)
    CHECKPOINT.unlink(missing_ok=True)  # the next training begins anew
    say(f"train: done, the model is in {RESULT}")
    return 0


def train(model: Model, epochs: range, pace: float, ending: Ending) -> None:
    last = epochs.stop - 1
    every = max(1, last // CHECKPOINTS)
    for epoch in epochs:
        until = time.monotonic() + pace
        loss = model.train(epoch)
        if epoch % every == 0:
            save(CHECKPOINT, model, epoch)
            say(f"epoch {epoch} of {last} loss {loss:.3f} ({100 * epoch // last} %)")
        if ending.wait(until - time.monotonic()):  # as if the model were larger
            save(CHECKPOINT, model, epoch)
            say(f"train: checkpoint written after epoch {epoch} of {last} ({100 * epoch // last} %)")
            raise StopError


def save(path: Path, model: Model, epoch: int | None = None) -> None:
    content: dict[str, Any] = dict(model.state) if epoch is None else {**model.state, "epoch": epoch}
    with written(path) as draft, draft.open("wb") as file:
        np.savez(file, **content)


def resumed(model: Model) -> int:
    """Takes the checkpoint's state over; answers after which epoch it was written, 0 where there is none."""
    if not CHECKPOINT.exists():
        return 0
    with np.load(CHECKPOINT) as saved:
        model.state = {name: saved[name] for name in model.state}
        return int(saved["epoch"])
