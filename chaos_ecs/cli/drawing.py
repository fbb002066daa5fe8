"""The live view in a terminal: lines scroll above a small pinned panel, inline, so that scrollback and copying work.

Here lives drawing (Rich's Console, for colours and old Windows consoles). The panel is erased, the new lines are
written, and the panel is drawn again, in one write. Never here: wording, columns and rows, which are pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from chaos_ecs.cli import layout, panel
from chaos_ecs.cli.line import Line
from chaos_ecs.cli.livelog import USUAL, Face
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Event, Snapshot

# ANSI-16 names only, so that the terminal's own theme decides; the word says it already.
STYLES = {
    "running": "blue",
    "steady": "bold blue",
    "pending": "yellow",
    "killed": "magenta",
    "attention": "bold yellow",
}


class LiveScreen:
    """Lines above, the panel below. Where the terminal is too small for a panel, lines only."""

    def __init__(
        self,
        shell: Shell,
        cluster: str,
        began_at: float,
        *,
        farewell: str = "",
        keys: bool = False,
        face: Face = USUAL,
    ) -> None:
        self._console = Console(
            file=shell.out, no_color=not shell.color, highlight=False, markup=False, emoji=False, soft_wrap=True
        )
        self._symbols = shell.symbols
        self._cluster = cluster
        self._began_at = began_at
        self._farewell = farewell
        self._keys = keys
        self._face = face
        self._drawn: list[str] = []  # the panel that stands there now; the cursor is at its end

    def show(self, events: Sequence[Event], snapshot: Snapshot) -> None:
        lines = self._face.lines(events, snapshot)
        rows = self._panel(snapshot)
        if not lines and rows == self._drawn:
            return
        with self._console:  # one write, so that nothing flickers
            self._erase()
            for line in lines:
                self._print(line)
            self._put(rows)

    def note(self, line: Line) -> None:
        with self._console:
            drawn = self._erase()
            self._print(line)
            self._put(drawn)

    def text(self, rows: Sequence[str]) -> None:
        with self._console:
            drawn = self._erase()
            for row in rows:
                self._console.print(Text(row))
            self._put(drawn)

    def wait(self, sentence: str) -> None:
        """The panel's clocks move: nothing needs to be said."""

    def draws(self, start: str) -> bool:
        return any(row.startswith(start) for row in self._drawn)

    def close(self) -> None:
        if self._drawn:
            with self._console:
                self._erase()
                self._console.show_cursor(True)

    @property
    def _width(self) -> int:
        return max(20, self._console.width)

    def _print(self, line: Line) -> None:
        time = layout.elapsed(line.at - self._began_at)
        first, *further = layout.rows(line, self._width, self._symbols, time)
        text = Text(first, no_wrap=True, overflow="crop")
        if style := STYLES.get(line.symbol, ""):
            text.stylize(style, layout.GLYPH, layout.PREFIX)
        self._console.print(text)
        for row in further:
            self._console.print(Text(row, no_wrap=True, overflow="crop"))

    def _panel(self, snapshot: Snapshot) -> list[str]:
        width, height = self._console.size
        if not panel.fits(width, height):
            return []
        frame = panel.Frame(width, height, self._symbols, snapshot.at, self._began_at, self._keys, self._farewell)
        return self._face.panel(snapshot, frame) if self._face.panel else panel.rows(snapshot, self._cluster, frame)

    def _erase(self) -> list[str]:
        """Takes the panel away and answers it. A terminal that got narrower has folded its rows: those are counted."""
        drawn, self._drawn = self._drawn, []
        if drawn:
            width = max(1, self._console.width)
            height = sum(-(-len(row) // width) for row in drawn)
            up = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * (height - 1)
            self._console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *up))
        return drawn

    def _put(self, rows: list[str]) -> None:
        if not rows:
            self._console.show_cursor(True)
            return
        self._console.show_cursor(False)
        for row in rows[:-1]:
            self._console.print(Text(row, no_wrap=True, overflow="crop"))
        self._console.print(Text(rows[-1], no_wrap=True, overflow="crop"), end="")
        self._drawn = rows
