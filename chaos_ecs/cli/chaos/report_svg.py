"""The timeline of a run as an SVG picture, to scale: kills and how long until all was whole, healthy tasks, requests,
the control. Pure.

What a colour says a shape or a word says too: a kill is a cross, failed requests are hatched. Never here: what is drawn
(see `report_view.py`), and the page around it (see `report_html.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from chaos_ecs.cli.chaos.report_view import Span, Timeline, lanes
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.text import counted

WIDTH = 960
_LEFT, _RIGHT = 104, 936
_LANE = 24
_MOST_LANES = 12
_LETTER = 6.4  # columns of a picture that a letter of small text takes
_MOST_BARS = 400
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200)
_MOST_TICKS = 13
_EXACT_SECONDS = 1e-9

FIXED: Mapping[str, str] = {
    "card": "#fbfbf8",
    "text": "#1c2024",
    "muted": "#59616b",
    "line": "#cdd2d8",
    "span": "#0b62a8",
    "bad": "#b3400a",
    "ok": "#8fb3cf",
    "area": "#d3e5f5",
    "control": "#6b4c9a",
}
"""Colours of a picture that stands alone, on a card of its own: so it can be read on white slides and on dark ones."""


def alone(timeline: Timeline, title: str, figures: Sequence[str]) -> str:
    """A whole file: the picture with a heading, in fixed colours."""
    picture = _Picture()
    picture.y = 34
    picture.text(24, picture.y, title, "big", most=WIDTH - 48)
    for row in figures:
        picture.y += 20
        picture.text(24, picture.y, row, "muted", most=WIDTH - 48)
    picture.y += 18
    _draw(picture, timeline)
    height = picture.y + 14
    card = _tag("rect", x=0.5, y=0.5, width=WIDTH - 1, height=height - 1, rx=8, class_="p-card")
    style = f"<style>{styles(FIXED)}</style>"
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + _svg(picture, height, title, timeline, before=style + card)


def inline(timeline: Timeline, title: str) -> str:
    """The picture for a page that has its styles."""
    picture = _Picture()
    picture.y = 8
    _draw(picture, timeline)
    return _svg(picture, picture.y + 6, title, timeline)


def styles(colours: Mapping[str, str]) -> str:
    """The rules of a picture in these colours."""
    of = dict(colours)
    return (
        ".p-t{font:12px system-ui,-apple-system,'Segoe UI',sans-serif;fill:"
        + of["text"]
        + ";paint-order:stroke;stroke:"
        + of["card"]
        + ";stroke-width:3px}"
        ".p-big{font-size:19px;font-weight:650}.p-muted{fill:" + of["muted"] + "}.p-strong{font-weight:650}"
        ".p-card{fill:" + of["card"] + ";stroke:" + of["line"] + "}"
        ".p-line{stroke:" + of["line"] + ";stroke-width:1;fill:none}"
        ".p-span{fill:" + of["span"] + ";fill-opacity:.28;stroke:" + of["span"] + ";stroke-width:1}"
        ".p-open{stroke-dasharray:4 3}"
        ".p-cross{stroke:" + of["bad"] + ";stroke-width:2.4;stroke-linecap:round;fill:none}"
        ".p-skip{stroke:" + of["muted"] + ";stroke-width:1.6;fill:none}"
        ".p-step{stroke:" + of["span"] + ";stroke-width:2;fill:none;stroke-linejoin:round}"
        ".p-area{fill:" + of["area"] + ";stroke:none}.p-ok{fill:" + of["ok"] + "}"
        ".p-bad{fill:url(#failed);stroke:" + of["bad"] + ";stroke-width:1}"
        ".p-hatch{stroke:" + of["bad"] + ";stroke-width:2.4}.p-hatched{fill:" + of["card"] + "}"
        ".p-control{stroke:" + of["control"] + ";stroke-width:2.4;fill:none}"
        ".p-gone{stroke:" + of["control"] + ";stroke-width:1.4;stroke-dasharray:1 6;stroke-linecap:round;fill:none}"
    )


@dataclass
class _Picture:
    """Elements, and how far down it has got."""

    parts: list[str] = field(default_factory=list)
    y: float = 0.0

    def add(self, element: str) -> None:
        self.parts.append(element)

    def text(self, x: float, y: float, text: str, kind: str = "", *, anchor: str = "", most: float = 0.0) -> None:
        room = int(most / (_LETTER * (1.55 if kind == "big" else 1.0))) if most else len(text)
        shown = text if len(text) <= room else text[: max(0, room - 1)].rstrip() + "…"
        names = "p-t" + (f" p-{kind}" if kind else "")
        self.add(_tag("text", escape(shown), x=x, y=y, class_=names, text_anchor=anchor or None))

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        self.add(_tag("path", d=_path(points), class_=f"p-{kind}"))

    def cross(self, x: float, y: float, tip: str) -> None:
        d = f"M{_n(x - 4)} {_n(y - 4)}L{_n(x + 4)} {_n(y + 4)}M{_n(x + 4)} {_n(y - 4)}L{_n(x - 4)} {_n(y + 4)}"
        self.add(_tag("path", _tag("title", escape(tip)), d=d, class_="p-cross"))


def _svg(picture: _Picture, height: float, title: str, timeline: Timeline, *, before: str = "") -> str:
    hatch = (
        '<defs><pattern id="failed" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect class="p-hatched" width="5" height="5"/><path class="p-hatch" d="M0 0V5"/></pattern></defs>'
    )
    body = "\n".join(picture.parts)
    about = f"<title>{escape(title)}</title><desc>{escape(_in_words(timeline))}</desc>"
    space = ' xmlns="http://www.w3.org/2000/svg"' if before else ""  # a page knows what svg is
    return (
        f'<svg{space} viewBox="0 0 {WIDTH} {_n(height)}" width="{WIDTH}" '
        f'height="{_n(height)}" role="img">{about}{hatch}{before}\n{body}\n</svg>'
    )


def _in_words(timeline: Timeline) -> str:
    told = [f"A timeline of {seconds(timeline.seconds)} with {len(timeline.spans)} {timeline.name}."]
    took = [span.end - span.begin for span in timeline.spans if span.end is not None]
    if took:
        told.append(f"The longest lasted {seconds(max(took))}.")
    if timeline.healthy:
        fewest = min(count for _, count in timeline.healthy)
        told.append(f"At the weakest moment {fewest} of {timeline.desired} tasks were healthy.")
    if timeline.client is not None:
        told.append(f"{timeline.client.failed:,} of {timeline.client.requests:,} requests failed.")
    return " ".join(told)


# --- the parts, from above to below ---


def _draw(picture: _Picture, timeline: Timeline) -> None:
    scale = (_RIGHT - _LEFT) / timeline.seconds
    top = picture.y
    grid = len(picture.parts)
    _spans(picture, timeline, scale)
    if timeline.healthy:
        _healthy(picture, timeline, scale)
    if timeline.client is not None and timeline.client.seconds:
        _requests(picture, timeline.client.seconds, scale)
    if timeline.control is not None:
        _control(picture, timeline, scale)
    picture.parts[grid:grid] = _axis(picture, timeline.seconds, scale, top)
    picture.y += 22
    _legend(picture, timeline)


def _label(picture: _Picture, y: float, name: str, below: str = "") -> None:
    picture.text(_LEFT - 14, y, name, "strong", anchor="end")
    if below:
        picture.text(_LEFT - 14, y + 14, below, "muted", anchor="end")


def _spans(picture: _Picture, timeline: Timeline, scale: float) -> None:
    begin = picture.y
    gap = 10 / scale
    found = lanes(timeline.spans, gap)
    rows = min(_MOST_LANES, max(found, default=0) + 1)
    following = dict.fromkeys(found, timeline.seconds + gap)  # where the next span of a lane begins
    for span, lane in reversed(list(zip(timeline.spans, found, strict=True))):
        y = begin + 14 + (lane % rows) * _LANE
        _span(picture, span, y, scale, timeline.seconds, _LEFT + following[lane] * scale)
        following[lane] = span.begin
    for at, tip in timeline.moments:
        x = _LEFT + at * scale
        circle = _tag("circle", _tag("title", escape(tip)), cx=x, cy=begin + 14, r=4, class_="p-skip")
        picture.add(circle)
    _label(picture, begin + 18, timeline.name, "until whole" if timeline.healthy else "")
    picture.y = begin + 20 + rows * _LANE


def _span(picture: _Picture, span: Span, y: float, scale: float, whole: float, until: float) -> None:
    x = _LEFT + span.begin * scale
    end = whole if span.end is None else span.end
    width = max(3.0, (end - span.begin) * scale)
    took = "not whole" if span.end is None else seconds(max(0.0, span.end - span.begin))
    tip = f"{span.tip}, at {seconds(span.begin)}: {took}"
    names = "p-span" + (" p-open" if span.end is None else "")
    picture.add(_tag("rect", _tag("title", escape(tip)), x=x, y=y - 7, width=width, height=14, rx=2, class_=names))
    picture.cross(x, y, tip)
    room = (until - x - width - 8) / _LETTER
    full = f"{span.label} \u00b7 {took}" if span.label else took
    if label := next((text for text in (full, took, span.label) if len(text) <= room), ""):
        picture.text(x + width + 6, y + 4, label)


def _healthy(picture: _Picture, timeline: Timeline, scale: float) -> None:
    height = 58.0
    base = picture.y + height + 8
    most = max(timeline.desired, *(count for _, count in timeline.healthy), 1)

    def y_of(count: int) -> float:
        return base - count / most * height

    for count in dict.fromkeys((0, timeline.desired)):
        picture.line([(_LEFT, y_of(count)), (_RIGHT, y_of(count))], "line")
        picture.text(_RIGHT + 4, y_of(count) + 4, str(count), "muted")
    points: list[tuple[float, float]] = []
    for at, count in timeline.healthy:
        x = _LEFT + min(at, timeline.seconds) * scale
        if points:
            points.append((x, points[-1][1]))
        points.append((x, y_of(count)))
    points.append((_RIGHT, points[-1][1]))
    area = [(points[0][0], base), *points, (points[-1][0], base)]
    picture.add(_tag("path", d=_path(area) + "Z", class_="p-area"))
    picture.line(points, "step")
    _label(picture, base - height / 2, "healthy", "tasks")
    picture.y = base + 16


def _requests(picture: _Picture, pairs: Sequence[tuple[int, int]], scale: float) -> None:
    height = 46.0
    base = picture.y + height + 8
    each = max(1, math.ceil(len(pairs) / _MOST_BARS))
    groups = [pairs[begin : begin + each] for begin in range(0, len(pairs), each)]
    sums = [(sum(ok for ok, _ in group), sum(bad for _, bad in group)) for group in groups]
    most = max(*(ok + bad for ok, bad in sums), 1)
    wide = each * scale
    for index, (ok, bad) in enumerate(sums):
        x = _LEFT + index * wide
        good = ok / most * height
        size = min(wide - min(1.0, wide * 0.2), _RIGHT - x)
        if size <= 0:
            continue
        if ok:
            picture.add(_tag("rect", x=x, y=base - good, width=size, height=good, class_="p-ok"))
        if bad:
            failed = max(6.0, bad / most * height)
            tip = _tag("title", f"{bad} of {ok + bad} failed in second {index * each}")
            top = max(base - height - 6, base - good - failed)
            picture.add(_tag("rect", tip, x=x, y=top, width=size, height=failed, class_="p-bad"))
    picture.line([(_LEFT, base), (_RIGHT, base)], "line")
    picture.text(_RIGHT + 4, base + 4, "0", "muted")
    picture.text(_RIGHT + 4, base - height + 4, str(round(most / each)), "muted")
    _label(picture, base - height / 2, "requests", "a second")
    picture.y = base + 16


def _control(picture: _Picture, timeline: Timeline, scale: float) -> None:
    control = timeline.control
    assert control is not None, "drawn where there is one"
    y = picture.y + 10
    _label(picture, y + 4, "control")
    if control.killed_at is None:
        picture.line([(_LEFT, y), (_RIGHT, y)], "control")
        picture.y = y + 16
        return
    x = _LEFT + control.killed_at * scale
    picture.line([(_LEFT, y), (x, y)], "control")
    replaced = f"REPLACED {counted(control.replacements, 'time')}" if control.replacements else "never replaced"
    told = f"killed at {seconds(control.killed_at)}, {replaced}"
    words = x + 14 + len(told) * _LETTER
    picture.line([(min(words + 8, _RIGHT), y), (_RIGHT, y)], "gone")
    picture.cross(x, y, told)
    picture.text(x + 12, y + 4, told)
    picture.y = y + 16


def _axis(picture: _Picture, whole: float, scale: float, top: float) -> list[str]:
    """Lines at round moments behind everything, and the moments below."""
    step = next((step for step in _STEPS if whole / step <= _MOST_TICKS), _STEPS[-1])
    drawn = []
    bottom = picture.y
    for index in range(int(whole / step + _EXACT_SECONDS) + 1):
        x = _LEFT + index * step * scale
        drawn.append(_tag("path", d=_path([(x, top), (x, bottom)]), class_="p-line"))
        picture.text(x, bottom + 14, f"{index * step}s", "muted", anchor="middle")
    picture.y = bottom + 14
    return drawn


def _legend(picture: _Picture, timeline: Timeline) -> None:
    x, y = float(_LEFT), picture.y
    if timeline.spans:
        picture.cross(x + 4, y - 4, "")
        x = _legend_text(picture, x + 14, y, timeline.mark)
        box = _tag("rect", x=x, y=y - 11, width=26, height=12, rx=2, class_="p-span")
        picture.add(box)
        x = _legend_text(picture, x + 32, y, timeline.until)
    if timeline.client is not None and timeline.client.seconds:
        picture.add(_tag("rect", x=x, y=y - 11, width=14, height=12, class_="p-ok"))
        x = _legend_text(picture, x + 20, y, "answered")
        picture.add(_tag("rect", x=x, y=y - 11, width=14, height=12, class_="p-bad"))
        x = _legend_text(picture, x + 20, y, "failed")
    if timeline.moments:
        picture.add(_tag("circle", cx=x + 5, cy=y - 4, r=4, class_="p-skip"))
        _legend_text(picture, x + 14, y, timeline.other)


def _legend_text(picture: _Picture, x: float, y: float, text: str) -> float:
    picture.text(x, y, text, "muted")
    return x + len(text) * _LETTER + 22


# --- elements ---


def _tag(name: str, content: str = "", **attributes: str | float | None) -> str:
    """An element; `class_` is class, `text_anchor` text-anchor. The content is escaped already."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_n(value) if isinstance(value, int | float) else value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{told}>{content}</{name}>" if content else f"<{name}{told}/>"


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)


def _n(value: float) -> str:
    """A coordinate in as few letters as it needs."""
    return f"{value:.1f}".removesuffix(".0")
