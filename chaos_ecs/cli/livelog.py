"""The live view: events scroll above a small pinned panel, inline, so that scrollback and copying work (Rich).

Here lives drawing. Never here: wording, columns and rows, which are pure (`lines.py`, `layout.py`, `panel.py`).
Rich is imported late: most commands never draw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from chaos_ecs.cli import layout, panel, plain
from chaos_ecs.cli.lines import SILENT, Line, lines_of
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event, Snapshot
from chaos_ecs.cli.symbols import Symbols

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

# ANSI-16 names only, so that the terminal's own theme decides; the word says it already.
STYLES = {
    "running": "blue",
    "steady": "bold blue",
    "pending": "yellow",
    "killed": "magenta",
    "attention": "bold yellow",
}


class Screen(Protocol):
    """Where a view shows what it sees. `close` may be called twice."""

    def show(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        """New events, and the state after them; also called without events when time has passed."""
        ...

    def note(self, line: Line) -> None:
        """A line of the view's own, such as STILL GONE."""
        ...

    def close(self) -> None: ...


def screen_for(shell: Shell, cluster: str, began_at: float, *, result: bool = False, quiet: bool = False) -> Screen:
    """The screen for this output. Times count from `began_at`, a snapshot's own clock. `result`: the events are what
    was asked for, so they go to stdout."""
    if quiet:
        return SilentScreen()
    if shell.is_live:
        return LiveScreen(shell, cluster, began_at)
    if result and shell.json:
        return JsonScreen(shell)
    return PlainScreen(shell, result=result)


def demo_screen(shell: Shell, cluster: str, began_at: float, write: Callable[[str], None]) -> Screen:
    """For a tour: the live view in a terminal, else the same lines as text through `write`."""
    if shell.is_live:
        return LiveScreen(shell, cluster, began_at, " Ctrl-C ends the demo and cleans up")
    return LinesScreen(shell.symbols, began_at, write)


class SilentScreen:
    """For --quiet: the view waits, and shows nothing."""

    def show(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        """Nothing is shown."""

    def note(self, line: Line) -> None:
        """Nothing is shown."""

    def close(self) -> None:
        """Nothing is held."""


class PlainScreen:
    """One line an event: what a pipe, a log file and a screen reader can take. As a result it is complete; as talk
    it leaves out what another line says."""

    def __init__(self, shell: Shell, *, result: bool) -> None:
        self._write = shell.tell if result else shell.say
        self._left_out = () if result else SILENT

    def show(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        for event in events:
            if event.type not in self._left_out:
                self._write(plain.line(event))

    def note(self, line: Line) -> None:
        parts = [plain.timestamp(line.at), line.word.replace(" ", "_"), line.who, *line.ids, line.detail, line.measured]
        self._write(" ".join(part for part in parts if part))

    def close(self) -> None:
        """Nothing is held."""


class LinesScreen:
    """The live log's lines without a terminal: README's tour, a trainer's transcript."""

    WIDTH = 100

    def __init__(self, symbols: Symbols, began_at: float, write: Callable[[str], None]) -> None:
        self._symbols = symbols
        self._began_at = began_at
        self._write = write

    def show(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        for line in lines_of(events):
            self.note(line)

    def note(self, line: Line) -> None:
        time = layout.elapsed(line.at - self._began_at)
        for row in layout.rows(line, self.WIDTH, self._symbols, time):
            self._write(row)

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

    def close(self) -> None:
        """Nothing is held."""


class LiveScreen:
    """Lines above, the panel below. Where the terminal is too small for a panel, lines only."""

    def __init__(self, shell: Shell, cluster: str, began_at: float, farewell: str = "") -> None:
        from rich.console import Console

        self._console: Console = Console(
            file=shell.out, no_color=not shell.color, highlight=False, markup=False, emoji=False, soft_wrap=True
        )
        self._symbols = shell.symbols
        self._cluster = cluster
        self._began_at = began_at
        self._farewell = farewell
        self._live: Live | None = None

    def show(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        for line in lines_of(events):
            self.note(line)
        self._draw(snapshot)

    def note(self, line: Line) -> None:
        time = layout.elapsed(line.at - self._began_at)
        style = STYLES.get(line.symbol, "")
        first, *further = layout.rows(line, self._width, self._symbols, time)
        self._print(first, style)
        for row in further:
            self._print(row, "")

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    @property
    def _width(self) -> int:
        return max(20, self._console.width)

    def _print(self, row: str, style: str) -> None:
        from rich.text import Text

        text = Text(row, no_wrap=True, overflow="crop")
        if style:
            text.stylize(style, layout.GLYPH, layout.PREFIX)
        self._console.print(text)

    def _draw(self, snapshot: Snapshot) -> None:
        width, height = self._console.size
        if not panel.fits(width, height) or self._console.is_dumb_terminal:
            self.close()
            return
        rows = panel.rows(
            snapshot,
            self._cluster,
            now=snapshot.at,
            width=width,
            height=height,
            symbols=self._symbols,
            farewell=self._farewell,
        )
        from rich.live import Live
        from rich.text import Text

        text = Text("\n".join(rows), no_wrap=True, overflow="crop")
        if self._live is None:
            self._live = Live(text, console=self._console, auto_refresh=False, transient=True)
            self._live.start(refresh=True)
        else:
            self._live.update(text, refresh=True)
