"""The monkey is worth its time only if it finds bugs: each of these, planted in a copy, is found within 50 seeds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import chaos_ecs

ROOT = Path(__file__).parents[2]
SEEDS = 50
HUNT = f"""
from tests.sim.monkey import Monkey
for seed in range({SEEDS}):
    monkey = Monkey(seed)
    monkey.run(60)
    monkey.converge()
"""

BUGS = {
    "the upper limit is one too high": (
        "core/deployment.py",
        "starts=self._starts(self._most - len(self.wanted), free)",
        "starts=self._starts(self._most + 1 - len(self.wanted), free)",
    ),
    "a new version is sent requests before all of its tasks are healthy": (
        "core/deployment.py",
        "return self._healthy_newest >= self.service.desired_count",
        "return self._healthy_newest > 0",
    ),
    "rolling back leaves the requests where they are": (
        "core/rollout.py",
        "    traffic.send_back(state, service.primary)\n",
        "",
    ),
    "what the listing says is not adopted": (
        "core/facts.py",
        "    for seen in _without_left_behind(state, fact, now):\n        container_seen(state, seen, now)\n",
        "",
    ),
    "the back-off forgets its level": (
        "core/backoff.py",
        "level = throttle.level + 1",
        "level = 1",
    ),
    "a start is forgotten when the controller crashes in it": (
        "core/facts.py",
        "_ask_again(state, arn, replace(container, start_requested_at=None), now)",
        "pass",
    ),
    "a fault goes on for an hour too long": (
        "core/faulting.py",
        "hit.active_at + self.seconds",
        "hit.active_at + self.seconds + 3600",
    ),
    "a fault is forgotten when the controller crashes in it": (
        "core/facts.py",
        "    hits.engine_is_back(state, now)\n",
        "",
    ),
    "a fault is told as undone before it is": (
        "core/faults.py",
        "replace(hits.the_hit(state, effect), status=HitStatus.UNDOING, undo_sent_at=now)",
        "replace(hits.the_hit(state, effect), status=HitStatus.ENDED, ended_at=now)",
    ),
    "one missed due time is not told": (
        "core/schedule_opening.py",
        "    if intent.missed:\n",
        "    if intent.missed > 1:\n",
    ),
    "a disabled schedule runs what it had begun to wait for": (
        "core/schedule_commands.py",
        "cancelled = _end_invocations(state, updated)\n        updated",
        "cancelled = 0\n        updated",
    ),
    "a due time that was given up is tried again": (
        "core/scheduling.py",
        "    state.drop(invocation)\n    state.put(replace(schedule, dropped",
        "    state.put(replace(invocation, next_try_at=now + 5))\n    state.put(replace(schedule, dropped",
    ),
    "a removal that was lost is not asked for again": (
        "core/facts.py",
        "elif member.reaped and member.runtime_id in present:",
        "elif False:",
    ),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found_within_fifty_seeds(bug: str, tmp_path: Path) -> None:
    name, right, wrong = BUGS[bug]
    package = tmp_path / "chaos_ecs"
    shutil.copytree(Path(chaos_ecs.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    source = (package / name).read_text(encoding="utf-8")
    assert source.count(right) == 1, f"{name} has changed: plant the bug anew"
    (package / name).write_text(source.replace(right, wrong), encoding="utf-8")
    hunt = subprocess.run(
        [sys.executable, "-c", HUNT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert hunt.returncode != 0, "not found"
    assert "AssertionError" in hunt.stderr, hunt.stderr
