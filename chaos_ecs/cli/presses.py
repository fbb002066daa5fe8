"""What the keys of a followed view do: k, 1 to 9, d, a, ?, q. Never here: reading them (see `keys.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chaos_ecs.cli import awscommand, dashboard, panel
from chaos_ecs.cli.awscommand import Action
from chaos_ecs.cli.follow import Follower
from chaos_ecs.cli.line import Line
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Snapshot, Task, name_of
from chaos_ecs.errors import ChaosEcsError

HELP = (
    "k      kill one running task (SIGKILL), picked at random",
    "1 - 9  kill the task of that row in the panel",
    "d      the cluster page: an address for your browser",
    "a      show the aws command for the last action",
    "?      this list",
    "q      leave the view, as Ctrl-C does; services keep running",
)
POLITE = "the key killed with SIGKILL; stop-task is the polite one"


@contextmanager
def listening(shell: Shell, follower: Follower, presses: Presses) -> Iterator[None]:
    """While inside, keys do something; nothing happens where stdin is no terminal."""
    if shell.keyboard is None or not shell.is_live:
        yield
        return
    follower.press = presses.pressed
    with shell.keyboard.reading(follower.put_key):
        yield


@dataclass
class Presses:
    """`service` (an ARN) narrows k to its tasks; `action` is what was done last."""

    follower: Follower
    cluster: str
    service: str = ""
    action: Action | None = None

    def pressed(self, key: str, snapshot: Snapshot) -> None:
        """Does what the key stands for, in the view's own thread. KeyboardInterrupt: leave the view."""
        if key == "q":
            raise KeyboardInterrupt
        if key == "k":
            self._kill(snapshot, None)
        elif key in "123456789":
            self._kill_row(snapshot, int(key))
        elif key == "d":
            self._tell_page(snapshot)
        elif key == "a":
            self._tell_aws(snapshot)
        elif key == "?":
            self.follower.screen.text(HELP)

    def _kill_row(self, snapshot: Snapshot, row: int) -> None:
        """Only what stands there with its number: nobody means a task that is not to be seen."""
        numbered = panel.numbered(snapshot, self.cluster)
        if row <= len(numbered) and self.follower.screen.draws(panel.head_of(numbered[row - 1], row)):
            self._kill(snapshot, numbered[row - 1])
        elif self.follower.screen.draws(""):
            self._note(snapshot, f"there is no task {row} in the panel: chaos-ecs kill ID kills any one")
        else:
            self._note(snapshot, "no rows are drawn here: chaos-ecs kill ID kills one task")

    def _kill(self, snapshot: Snapshot, task: Task | None) -> None:
        wished = {"tasks": [task.arn]} if task else {"service": self.service or None}
        try:
            answer = self.follower.controller.own("KillTasks", cluster=self.cluster, **wished)
        except ChaosEcsError as error:
            self._note(snapshot, error.why or error.what)
            return
        if not answer["victims"]:
            self._note(snapshot, "there is nothing to kill: no task is RUNNING")
            return
        victim = {"cluster": self.cluster, "task": answer["victims"][0]}
        self.action = Action("StopTask", victim, POLITE)

    def _tell_page(self, snapshot: Snapshot) -> None:
        """Only tells it: a browser that opens in a terminal would take this view's place."""
        try:
            opened = dashboard.invited(self.follower.controller)
        except ChaosEcsError as error:
            self._note(snapshot, error.why or error.what)
            return
        self.follower.screen.text([opened.url, f"open this address within {opened.lasts}: it works once"])

    def _tell_aws(self, snapshot: Snapshot) -> None:
        if self.action is None:
            self._note(snapshot, f"nothing was done in this view yet; k kills a task of {name_of(self.cluster)}")
        else:
            self.follower.screen.text(awscommand.rows(self.action, self.follower.controller.url))

    def _note(self, snapshot: Snapshot, sentence: str) -> None:
        self.follower.screen.note(Line(snapshot.at, "attention", "KEY", detail=sentence, reason=True))
