"""What every command gets: where to write, how, and the controller. All ambient state enters here, as parameters.

Never here: commands. The tests hand in their own streams, clock and controller.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from chaos_ecs import config
from chaos_ecs.cli import symbols
from chaos_ecs.cli.client import Controller, HttpController, state
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.config import Settings
from chaos_ecs.errors import ChaosEcsError


class Opener(Protocol):
    def __call__(self, shell: Shell, *, start: bool) -> Controller | None:
        """The controller; None when none runs and `start` is False."""
        ...


def open_controller(shell: Shell, *, start: bool) -> Controller | None:
    """The controller of the state folder, started in the background if need be, which is then said."""
    from chaos_ecs import wiring

    settings = shell.settings
    if start:
        info, was_started = wiring.start_controller_process(settings)
        if was_started:
            say_started(shell, info.pid, info.port)
    else:
        found = wiring.running_controller(settings)
        if found is None:
            return None
        info = found
    return HttpController(info.port, wiring.credentials(settings), settings.region)


def say_started(shell: Shell, pid: int, port: int) -> None:
    """What everybody should know of a new background process."""
    shell.say(f"started the controller in the background: pid {pid}, http://127.0.0.1:{port}")
    if port != shell.settings.port:
        shell.say(f"port {shell.settings.port} was taken, so it listens on {port}")


@dataclass
class Shell:
    """`terminal`: stdout is one, so a live view makes sense; `asks`: somebody can answer a question."""

    environment: Mapping[str, str]
    out: TextIO
    err: TextIO
    terminal: bool = False
    asks: bool = False
    opener: Opener = open_controller
    read_answer: Callable[[], str] = input
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    json: bool = False
    ascii: bool = False
    color: bool = True
    debug: bool = False
    cluster: str = ""
    settings_: Settings | None = field(default=None, repr=False)  # read once, on first use

    @property
    def settings(self) -> Settings:
        """Raises ChaosEcsError (exit 2) for a variable that cannot be understood."""
        if self.settings_ is None:
            try:
                self.settings_ = config.read(self.environment)
            except ValueError as error:
                raise ChaosEcsError("E-SETTING", "A setting is wrong", str(error), "Correct or unset it", 2) from error
        return self.settings_

    @property
    def cluster_name(self) -> str:
        return self.cluster or self.settings.cluster

    @property
    def symbols(self) -> symbols.Symbols:
        return symbols.choose(getattr(self.out, "encoding", None), ascii_only=self.ascii)

    @property
    def is_live(self) -> bool:
        """Whether views draw a panel and stay until Ctrl-C."""
        return self.terminal and not self.json

    def controller(self) -> Controller:
        """The controller, started if it was not running."""
        found = self.opener(self, start=True)
        assert found is not None, "an opener that may start one answers one"
        return found

    def running_controller(self) -> Controller | None:
        """The controller if it runs. Starts nothing."""
        return self.opener(self, start=False)

    def cluster_arn(self, snapshot: Snapshot) -> str:
        """The ARN of the chosen cluster. Raises ChaosEcsError when there is none of that name."""
        found = snapshot.cluster(self.cluster_name, self.settings.region)
        if found is None:
            known = ", ".join(item.name for item in snapshot.clusters if item.status == "ACTIVE") or "none"
            raise ChaosEcsError(
                "ClusterNotFoundException",
                "Cluster not found",
                f"there is no {self.cluster_name} in {self.settings.region}, only: {known}",
                f"chaos-ecs service up --cluster {self.cluster_name} (makes it), or name another with --cluster",
            )
        return found.arn

    def look(self) -> tuple[Controller, Snapshot, str]:
        """The controller, its state now, and the chosen cluster's ARN."""
        controller = self.controller()
        snapshot = state(controller)
        return controller, snapshot, self.cluster_arn(snapshot)

    def say(self, text: str = "") -> None:
        """Talk: to stderr, so that stdout is the result alone."""
        print(self._printable(text, self.err), file=self.err, flush=True)

    def say_left(self, text: str) -> None:
        """Talk after Ctrl-C, on a line of its own: the terminal has just echoed ^C."""
        self.say(f"\n{text}" if self.terminal else text)

    def tell(self, text: str = "") -> None:
        """The result: to stdout."""
        print(self._printable(text, self.out), file=self.out, flush=True)

    def confirm(self, question: str) -> bool:
        """Whether somebody says yes; nobody there is a no."""
        if not self.asks:
            return False
        print(self._printable(f"{question} [y/N] ", self.err), end="", file=self.err, flush=True)
        try:
            return self.read_answer().strip().lower() in ("y", "yes")
        except EOFError:
            return False

    @staticmethod
    def _printable(text: str, stream: TextIO) -> str:
        """The text with `?` for what the stream cannot show: an image's name must not break an old console."""
        encoding = getattr(stream, "encoding", None) or "utf-8"
        return text.encode(encoding, "replace").decode(encoding)


def of_this_process() -> Shell:
    """The shell of the running process."""
    environment = dict(os.environ)
    return Shell(
        environment=environment,
        out=sys.stdout,
        err=sys.stderr,
        terminal=sys.stdout.isatty(),
        asks=sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty(),
        color=not environment.get("NO_COLOR") and environment.get("TERM") != "dumb",
    )
