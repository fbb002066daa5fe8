"""Where a view shows what it sees: a terminal, a pipe, a screen reader, JSON.

Never here: drawing (see `drawing.py`, imported late: most commands never draw), and wording, columns and rows, which
are pure (`lines.py`, `sentences.py`, `layout.py`, `panel.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chaos_ecs.cli import layout, plain, sentences
from chaos_ecs.cli.line import Line
from chaos_ecs.cli.lines import SILENT, lines_of
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.panel import Frame
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event, Snapshot
from chaos_ecs.cli.symbols import Symbols


def _usual_lines(events: Sequence[Event], snapshot: Snapshot) -> list[Line]:
    return lines_of(events)


@dataclass(frozen=True, slots=True)
class Face:
    """What a view shows in its own way: the lines, and the panel (None: that of the cluster)."""

    lines: Callable[[Sequence[Event], Snapshot], list[Line]] = _usual_lines
    panel: Callable[[Snapshot, Frame], list[str]] | None = None


USUAL = Face()


class Screen(Protocol):
    """Where a view shows what it sees. `close` may be called twice."""

    def show(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        """New events, and the state after them; also called without events when time has passed."""
        ...

    def note(self, line: Line) -> None:
        """A line of the view's own, such as STILL GONE."""
        ...

    def text(self, rows: Sequence[str]) -> None:
        """Rows as they stand, to be read or copied: an aws command, the list of keys."""
        ...

    def wait(self, sentence: str) -> None:
        """A sign of life while nothing happens."""
        ...

    def draws(self, start: str) -> bool:
        """Whether a row of a panel stands there that begins so."""
        ...

    def close(self) -> None: ...


def screen_for(
    shell: Shell,
    cluster: str,
    began_at: float,
    *,
    result: bool = False,
    quiet: bool = False,
    keys: bool = False,
    farewell: str = "",
    face: Face = USUAL,
) -> Screen:
    """The screen for this output. Times count from `began_at`, a snapshot's own clock. `result`: the events are what
    was asked for, so they go to stdout. `keys`: whoever follows listens to them (see `presses.py`), so the panel tells
    them; `farewell` is what it says instead."""
    if quiet:
        return SilentScreen()
    if result and shell.json:
        return JsonScreen(shell)
    if shell.json:
        return PlainScreen(shell, result=False)
    return _live(shell, cluster, began_at, farewell, face, keys=keys) or (
        SentenceScreen(shell, began_at, shell.tell if result else shell.say)
        if shell.accessible
        else PlainScreen(shell, result=result)
    )


def demo_screen(shell: Shell, cluster: str, began_at: float, write: Callable[[str], None]) -> Screen:
    """For a tour: the live view in a terminal, else the same lines as text through `write`."""
    if shell.accessible:
        return SentenceScreen(shell, began_at, write)
    drawn = _live(shell, cluster, began_at, " Ctrl-C ends the demo and cleans up", USUAL)
    return drawn or LinesScreen(shell.symbols, began_at, write)


def _live(
    shell: Shell, cluster: str, began_at: float, farewell: str, face: Face, *, keys: bool = False
) -> Screen | None:
    """The view of a terminal, with a panel where one can be drawn; None where this is none, or sentences are wanted."""
    if shell.draws:
        from chaos_ecs.cli.drawing import LiveScreen

        keys = keys and shell.keyboard is not None
        return LiveScreen(shell, cluster, began_at, farewell=farewell, keys=keys, face=face)
    if shell.is_live and not shell.accessible:
        return LinesScreen(shell.symbols, began_at, shell.tell, shell.width, face)
    return None


class SilentScreen:
    """For --quiet: the view waits, and shows nothing."""

    def show(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        """Nothing is shown."""

    def note(self, line: Line) -> None:
        """Nothing is shown."""

    def text(self, rows: Sequence[str]) -> None:
        """Nothing is shown."""

    def wait(self, sentence: str) -> None:
        """Nothing is shown."""

    def draws(self, start: str) -> bool:
        return False

    def close(self) -> None:
        """Nothing is held."""


class PlainScreen:
    """One line an event: what a pipe, a log file and a screen reader can take. As a result it is complete; as talk
    it leaves out what another line says."""

    def __init__(self, shell: Shell, *, result: bool) -> None:
        self._say = shell.say
        self._write = shell.tell if result else shell.say
        self._left_out = () if result else SILENT

    def show(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        for event in events:
            if event.type not in self._left_out:
                self._write(plain.line(event))

    def note(self, line: Line) -> None:
        parts = [plain.timestamp(line.at), line.word.replace(" ", "_"), line.who, *line.ids, line.detail, line.measured]
        self._write(" ".join(part for part in parts if part))

    def text(self, rows: Sequence[str]) -> None:
        for row in rows:
            self._say(row)

    def wait(self, sentence: str) -> None:
        self._say(sentence)

    def draws(self, start: str) -> bool:
        return False

    def close(self) -> None:
        """Nothing is held."""


class SentenceScreen:
    """English sentences, appended only: no redraw, no glyphs, no boxes."""

    def __init__(self, shell: Shell, began_at: float, write: Callable[[str], None]) -> None:
        self._say = shell.say
        self._began_at = began_at
        self._write = write

    def show(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        for sentence in sentences.of(events, self._began_at):
            self._write(sentence)

    def note(self, line: Line) -> None:
        self._write(sentences.of_line(line, self._began_at))

    def text(self, rows: Sequence[str]) -> None:
        for row in rows:
            self._write(row)

    def wait(self, sentence: str) -> None:
        self._say(sentence)

    def draws(self, start: str) -> bool:
        return False

    def close(self) -> None:
        """Nothing is held."""


class LinesScreen:
    """The live log's lines without a panel: README's tour, a trainer's transcript, a terminal that cannot draw."""

    WIDTH = 100

    def __init__(
        self,
        symbols: Symbols,
        began_at: float,
        write: Callable[[str], None],
        width: int | None = None,
        face: Face = USUAL,
    ) -> None:
        self._face = face
        self._width = width or self.WIDTH
        self._symbols = symbols
        self._began_at = began_at
        self._write = write

    def show(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        for line in self._face.lines(events, snapshot):
            self.note(line)

    def note(self, line: Line) -> None:
        time = layout.elapsed(line.at - self._began_at)
        for row in layout.rows(line, self._width, self._symbols, time):
            self._write(row)

    def text(self, rows: Sequence[str]) -> None:
        for row in rows:
            self._write(row)

    def wait(self, sentence: str) -> None:
        self._write(sentence)

    def draws(self, start: str) -> bool:
        return False

    def close(self) -> None:
        """Nothing is held."""


class JsonScreen:
    """NDJSON: the stream's own objects, one a line."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def show(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        for event in events:
            self._shell.tell(as_json(event.as_json()))

    def note(self, line: Line) -> None:
        self._shell.tell(as_json({"at": line.at, "type": line.word, "message": line.detail}))

    def text(self, rows: Sequence[str]) -> None:
        """Nothing a program asked for."""

    def wait(self, sentence: str) -> None:
        """Nothing a program asked for."""

    def draws(self, start: str) -> bool:
        return False

    def close(self) -> None:
        """Nothing is held."""
