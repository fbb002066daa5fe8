"""How a score looks: the scoreboard's rows for a panel and for the end, and the same as sentences. Pure.

Every row is there in several lengths, and the longest that fits is taken. Never here: how a score comes about (see
`scoreboard.py`), drawing (see `drawing.py`), and the report's pictures (see `report_*.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chaos_ecs.cli import panel, sentences
from chaos_ecs.cli.chaos.score import Asked, Score, Skip, Strike
from chaos_ecs.cli.layout import cut, elapsed
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.panel import Frame
from chaos_ecs.cli.snapshot import short
from chaos_ecs.cli.symbols import Symbols
from chaos_ecs.cli.text import counted, folded

WIDEST = 100
KILLS_AT_THE_END = 40
_LEFT_FOR_LINES = 7  # rows of a terminal that the panel leaves to the log above it
_MOST_KILLS = 6
_TINY = 14  # rows: in fewer there is no room for rules
_CHART = 10  # columns before the first second
_OK, _SOME, _ALL = ".!x"
_BIGGEST_DIGIT = 9
_CAUSES_SHOWN = 3
_REST_SECONDS = 0.1  # of a second that has just begun
_SENTENCES = 80  # columns: in fewer there is no room for them


def panel_rows(score: Score, frame: Frame, *, phase: str = "") -> list[str]:
    """The pinned scoreboard. What has no room goes in this order: older kills, rules, the seed, the table. `phase`
    says what is waited for after the last tick."""
    width, symbols = frame.width, frame.symbols
    room = max(panel.MOST_ROWS - 3, min(frame.height - _LEFT_FOR_LINES, frame.height - 3))
    head = [title(score, width, symbols, leave="q stops" if frame.keys else "Ctrl-C stops", phase=phase)]
    foot = [*chart_rows(score, width), *control_rows(score, width)]
    figures = figure_rows(score, width)
    if len(head) + len(figures) + len(foot) + 1 > frame.height - 3:
        figures = [_kills(score, width), _recovery(score, width), *_client(score, width)[:1]]
    seed = seed_rows(score, width)
    rule = [symbols.rule * width] if room >= _TINY else []
    fixed = len(head) + len(figures) + len(foot) + (len(seed) + 4 if rule else 1)
    kills = min(_MOST_KILLS, room - fixed - 1)
    table = kill_rows(score, width, kills) if kills > 0 else []
    if not rule:
        rows = (symbols.rule * width, *head, *figures, *table, *foot)
        return [cut(row, width, symbols) for row in rows][: frame.height - 3]
    chart = len(foot) - len(control_rows(score, width))
    parts = [*rule, *head, *rule, *figures, *rule, *table, *foot[:chart], *rule, *foot[chart:], *seed]
    return [cut(row, width, symbols) for row in parts]


def end_rows(score: Score, width: int | None, symbols: Symbols) -> list[str]:
    """The whole of it once it is over, the oldest kill first; in a pipe (no width) nothing is left out."""
    columns = WIDEST if width is None else width
    ruler = symbols.rule * min(columns, WIDEST)
    table = kill_rows(score, columns, len(score.strikes) + len(score.skips) if width is None else KILLS_AT_THE_END)
    rows = [title(score, columns, symbols), ruler, *figure_rows(score, columns), ruler]
    rows += [*table[:1], *reversed(table[1:]), *chart_rows(score, columns, legends=True), ruler]
    rows += [*control_rows(score, columns), *seed_rows(score, columns)]
    return [row.rstrip() if width is None else cut(row.rstrip(), columns, symbols) for row in rows]


# --- rows ---


def title(score: Score, width: int, symbols: Symbols, *, leave: str = "", phase: str = "") -> str:
    """Which run, how far it is, and how it is left."""
    plan = score.plan
    who = f" CHAOS RUN {score.run}   {plan.service} desired {score.desired}"
    if score.over:
        lasted = f"{seconds(score.lasted)}, every {plan.every:g}s" + (" (stopped early)" if score.interrupted else "")
        return _longest(width, f"{who}   {plan.fault}   {lasted}", f" RUN {score.run}   {plan.service}   {lasted}")
    done = min(1.0, score.lasted / plan.lasts)
    clock = phase or f"{min(score.lasted, plan.lasts):.0f}s of {plan.lasts:g}s"
    bars = [f"  [{_bar(done, size)}]" for size in (25, 12)] if not phase else [""]
    told = [f"{who}   {clock}{bar}" for bar in bars] + [f" RUN {score.run} {plan.service}   {clock}{bars[-1]}"]
    told.append(f" RUN {score.run} {plan.service}   {clock}")
    left = next((text for text in told if len(text) + len(leave) + 3 <= width), told[-1])
    return cut(left, width - len(leave) - 2, symbols).ljust(width - len(leave) - 1) + leave


def figure_rows(score: Score, width: int) -> list[str]:
    """Kills, those that were somebody else's, recoveries, and what the client saw."""
    return [_kills(score, width), *_others(score, width), _recovery(score, width), *_client(score, width)]


def _kills(score: Score, width: int) -> str:
    weakest, count, noun = score.weakest, len(score.strikes), score.plan.noun + "s"
    skipped = f"skipped {len(score.skips)}" if score.skips else ""
    weak = "" if weakest is None else f"{weakest.healthy} of {score.desired}"
    still = "not whole" if score.over and score.open else "recovering"
    parts = [f"{noun:<9}  {count}", f"replaced {score.replaced}", f"{still} {len(score.open)}"]
    spread = "".join(f"{part:<{pad}}" for part, pad in zip(parts, (18, 16, 15), strict=True))
    aside = f"{skipped:<12}" if skipped else ""
    brief = "   ".join(part for part in (f"{noun} {count}", *parts[1:], skipped) if part)
    return _longest(
        width,
        f" {spread}{aside}weakest moment {weak} healthy",
        f" {spread}{aside}weakest {weak}",
        f" {brief}   weakest {weak}",
        f" {brief.replace('   ', '  ').replace('recovering', 'open')}  weakest {weak}",
    )


def _others(score: Score, width: int) -> list[str]:
    if not score.others:
        return []
    told = others(score)
    return [_longest(width, f" others     {told}: see chaos-ecs events", f" others     {told}", f" {told}")]


def others(score: Score) -> str:
    """3 more deaths were not this run's."""
    return f"{score.others} more death{' was' if score.others == 1 else 's were'} not this run's"


def _recovery(score: Score, width: int) -> str:
    found = score.recovery
    p50, p95, worst = (seconds(value) if value is not None else "-" for value in (found.p50, found.p95, found.worst))
    row = f" recovery   p50 {p50}   p95 {p95}   worst {worst}"
    whats = [f"{row}   (n={found.n}: {what})" for what in span_words(score)]
    return _longest(width, f"{row:<48} (n={found.n}: {span_words(score)[0]})", *whats, f"{row}   (n={found.n})", row)


def span_words(score: Score) -> tuple[str, ...]:
    """From what to what a recovery is measured, the longest first. A fault that leaves all tasks healthy is over, and
    that is all."""
    noun, desired = score.plan.noun, score.desired
    if noun == score.plan.fault:
        return (f"{noun} -> {desired} healthy again",)
    if score.was_always_whole:
        return f"{noun} -> over; never below {desired} healthy", f"never below {desired} healthy"
    return f"{noun} -> over, {desired} healthy again", f"-> {desired} healthy again"


def _client(score: Score, width: int) -> list[str]:
    asked, goal = score.client, score.plan.goal
    if asked is None:
        return [_longest(width, f" client     none: {score.no_client}", " client     none")] if score.no_client else []
    aim = "" if goal is None else f"   goal {exactly(goal)}%  {goal_word(score)}".rstrip()
    share, total, close = availability(score), f"{asked.requests:,}", aim.replace("   ", "  ")

    def candidates(why: str) -> list[str]:
        failed = f"{asked.failed:,} failed{why}"
        told = [
            f" client     {total} requests   {failed}   availability {share}{aim}",
            f" client     {total} requests   {failed}   {share}{aim}",
            f" client  {total} requests  {failed}  {share}{close}",
            f" client  {total} req  {failed}  {share}{close}",
        ]
        return told if why else [*told, f" client  {asked.failed:,}/{total} failed  {share}{close}"]

    why = causes(asked)
    if row := next((text for text in candidates(f" ({why})") if why and len(text) <= width), ""):
        return [row]
    return [_longest(width, *candidates("")), *_longest_causes(why, width)]


def _longest_causes(why: str, width: int) -> list[str]:
    """Why requests failed in rows of their own, where that of the client has no room for it."""
    return folded(why, min(width, WIDEST), first=" failed     ", further=" " * 12) if why else []


def causes(asked: Asked) -> str:
    """Why requests failed, the most frequent first: HTTP 502; of several: 4 HTTP 502, 1 timed out."""
    found = sorted(asked.causes.items(), key=lambda item: -item[1])
    if len(found) == 1:
        return found[0][0]
    told = [f"{count:,} {cause}" for cause, count in found[:_CAUSES_SHOWN]]
    more = sum(count for _, count in found[_CAUSES_SHOWN:])
    return ", ".join([*told, *([f"{more:,} others"] if more else [])])


def failures(asked: Asked) -> str:
    """4 failed (HTTP 502)."""
    why = causes(asked)
    return f"{asked.failed:,} failed" + (f" ({why})" if why else "")


def goal_word(score: Score) -> str:
    """MET or MISSED; while it runs so far, and nothing before the first request."""
    if not score.over and not (score.client and score.client.requests):
        return ""
    return f"{'MET' if score.met else 'MISSED'}{'' if score.over else ' so far'}"


def availability(score: Score) -> str:
    """Rounded down, so that what is missed never looks met; as many digits as the goal has."""
    found = score.client.availability if score.client else None
    if found is None:
        return "-"
    digits = len(exactly(score.plan.goal or 0.0).partition(".")[2])
    scale = 10**digits
    return f"{math.floor(round(found * scale, 6)) / scale:.{digits}f}%"


def exactly(percent: float) -> str:
    """99.90, and 99.995 where somebody asks for that."""
    return f"{percent:.2f}" if round(percent, 2) == percent else f"{percent:.10f}".rstrip("0")


@dataclass(frozen=True, slots=True)
class _Columns:
    """How wide the parts of the table are in so many columns."""

    time: int
    bar: int
    recovery: int  # the bar with its seconds
    failed: str
    going: str
    remark: str


def _columns(score: Score, width: int) -> _Columns:
    time = 5 if score.lasted < 60 else 7
    if width >= WIDEST:
        return _Columns(time, 26, 45, "failed requests", " and counting", "<- hit while {} open")
    if width >= _SENTENCES:
        return _Columns(time, 16, 29, "failed requests", " so far", "<- while {} open")
    return _Columns(time, 8, 17, "failed", " ..", "")


def kill_rows(score: Score, width: int, most: int) -> list[str]:
    """The newest strikes and skipped ticks, the newest first, below their heading; none while there is none."""
    columns = _columns(score, width)
    told: list[tuple[float, str]] = [(item.due, _skipped(item, columns)) for item in score.skips]
    longest = max([_so_far(score, strike) for strike in score.strikes], default=0.0)
    told += [(strike.due, _strike(score, strike, longest, columns)) for strike in score.strikes]
    if not told or most < 1:
        return []
    newest = sorted(told, key=lambda item: -item[0])
    hidden = len(newest) - most
    rows = [row for _, row in newest[:most]]
    if score.over and hidden > 0:
        rows[-1] = f"      and {hidden + 1} more in the journal"
    last = columns.failed if score.client is not None else ""
    head = f"  # {'at':<{columns.time}}  task     place {'recovery':<{columns.recovery}} {last}"
    return [head.rstrip(), *rows]


def _strike(score: Score, strike: Strike, longest: float, columns: _Columns) -> str:
    took = _so_far(score, strike)
    filled = max(1, round(took / longest * columns.bar)) if longest > 0 else 1
    going = "" if strike.whole_at is not None else " not whole" if score.over else columns.going
    recovery = f"{'#' * filled} {seconds(took)}{going}"
    more = f"+{len(strike.victims) - 1}" if len(strike.victims) > 1 else ""
    task = short(strike.victims[0].task) + more if strike.victims else "-"
    head = f"{strike.number:>3} {elapsed(strike.at):<{columns.time}}  {task:<8} {places(strike):<5}"
    failed = "" if strike.failed is None else f"{strike.failed:<4}"
    return f"{head} {recovery:<{columns.recovery}} {failed}{_remark(strike, columns)}".rstrip()


def _remark(strike: Strike, columns: _Columns) -> str:
    if strike.unproven:
        return "UNPROVEN"
    return columns.remark.format(strike.overlaps[-1]) if strike.overlaps else ""


def _so_far(score: Score, strike: Strike) -> float:
    return max(0.0, score.lasted - strike.at) if strike.seconds is None else strike.seconds


def _skipped(skip: Skip, columns: _Columns) -> str:
    return f"  - {elapsed(skip.due):<{columns.time}}  skipped: {skip.reason.partition(': ')[0]}"


def places(strike: Strike) -> str:
    """2/3; of several victims 1,3/4."""
    if not strike.victims:
        return "-"
    return f"{','.join(map(str, strike.positions))}/{strike.victims[0].of}"


def chart_rows(score: Score, width: int, *, legends: bool = False) -> list[str]:
    """A character a second (or several, where a row is too short): how requests went, and how many were healthy. What
    they mean stands beside them while there is room; with `legends`, else below."""
    lasted = max(1, math.ceil(score.lasted - _REST_SECONDS))
    whole = max(lasted, math.ceil(score.plan.lasts) if not score.over else 0)
    each = max(1, math.ceil(whole / max(1, min(width, WIDEST) - _CHART)))
    per = "" if each == 1 else f"each {each}s: "
    rows = []
    if score.client is not None:
        rows.append((f" seconds  {_seconds(score, lasted, each)}", f"{per}{_OK} ok {_SOME} some {_ALL} all fail"))
    where = "healthy tasks in the LB" if score.balanced else "healthy tasks"
    rows.append((f" healthy  {_healthy(score, lasted, each)}", where if rows else f"{per}{where}"))
    told: list[str] = []
    for row, legend in rows:
        if len(row) + len(legend) + 3 <= width:
            told.append(f"{row}   {legend}")
        else:
            told += [row, f"{'':<{_CHART}}{legend}"] if legends else [row]
    return told


def _seconds(score: Score, lasted: int, each: int) -> str:
    pairs = score.client.seconds if score.client else ()
    told = ""
    for begin in range(0, lasted, each):
        span = pairs[begin : begin + each]
        ok, failed = sum(pair[0] for pair in span), sum(pair[1] for pair in span)
        told += " " if not ok + failed else _OK if not failed else _SOME if ok else _ALL
    return told.rstrip()


def _healthy(score: Score, lasted: int, each: int) -> str:
    return "".join(_digit(fewest(score.healthy, begin, begin + each)) for begin in range(0, lasted, each))


def _digit(count: int | None) -> str:
    return " " if count is None else "+" if count > _BIGGEST_DIGIT else str(count)


def fewest(steps: Sequence[tuple[float, int]], begin: float, end: float) -> int | None:
    """The smallest value that a step line has between two moments; None before it begins."""
    before = [count for at, count in steps if at <= begin]
    inside = [count for at, count in steps if begin < at < end]
    return min([*before[-1:], *inside], default=None)


def control_rows(score: Score, width: int) -> list[str]:
    control = score.control
    if control is None:
        return []
    task = short(control.task)
    if control.replacements:
        told = f"REPLACED {control.replacements} time{'' if control.replacements == 1 else 's'}: A BUG OF CHAOS-ECS"
        return [_longest(width, f" CONTROL  standalone task {task}  {told}", f" CONTROL  {task}  {told}")]
    if control.killed_at is None and score.over:
        told = "was not killed: nothing was hit"
        return [_longest(width, f" CONTROL  standalone task {task}  {told}", f" CONTROL  {task}  {told}")]
    if control.killed_at is None:
        return [_longest(width, f" CONTROL  standalone task {task}  is killed with the first", f" CONTROL  {task}")]
    killed, since = elapsed(control.killed_at), f"{max(0.0, score.lasted - control.killed_at):.0f}s"
    tail = f"replaced: NEVER ({since})" if score.over else f"replaced: NEVER ({since} so far)"
    return [
        _longest(
            width,
            f" CONTROL  standalone task {task}  killed at {killed}   {tail}",
            f" CONTROL  {task} killed {killed}  {tail}",
            f" CONTROL  {task}  replaced: NEVER",
        )
    ]


def seed_rows(score: Score, width: int) -> list[str]:
    seed = f" --seed {score.plan.seed}: the same victims in the same order"
    return [_longest(width, f"{seed} in every room, so scores compare", seed, f" --seed {score.plan.seed}")]


def _bar(share: float, size: int) -> str:
    filled = round(share * size)
    return "#" * filled + "." * (size - filled)


def _longest(width: int, *candidates: str) -> str:
    return next((text for text in candidates if len(text) <= width), candidates[-1])


# --- the verdict, and sentences ---


def verdict(score: Score) -> str:
    """What came of it, and what the exit code means."""
    return f"exit code {score.code}: {outcome(score)}"


def outcome(score: Score) -> str:
    """What came of it, in one sentence."""
    plan = score.plan
    if score.control_was_replaced:
        return (
            "THE CONTROL WAS REPLACED. Nobody owns a standalone task, so nobody may replace it: this is a bug of "
            "chaos-ecs. Please report it, with the journal"
        )
    if score.interrupted:
        return f"stopped early, after {seconds(score.lasted)} of {plan.lasts:g}s"
    if not score.strikes:
        return "nothing was hit, so nothing is shown"
    if score.unproven:
        return f"inconclusive: no effect was measured of {len(score.unproven)} of {len(score.strikes)} faults"
    whole = f"{plan.service} is {'NOT whole' if score.open else 'whole'} again"
    if score.met is None:
        return whole
    goal = f"{availability(score)} answered, {exactly(plan.goal or 0.0)}% wanted"
    return f"goal met ({goal}), {whole}" if score.met else f"goal MISSED ({goal}), {whole}"


def told(score: Score) -> list[str]:
    """The end for a screen reader."""
    plan, weakest, found = score.plan, score.weakest, score.recovery
    is_lasting = plan.noun != plan.fault and score.was_always_whole
    whole = f"there were never fewer than {score.desired} healthy tasks" if is_lasting else ""
    each = sentences.span(plan.every)
    hits = f"{counted(len(score.strikes), plan.noun)}, one every {each}, {score.replaced} replaced"
    said = [f"Chaos run {score.run} of service {plan.service} lasted {sentences.span(score.lasted)}: {hits}."]
    if score.skips:
        said.append(f"{counted(len(score.skips), 'tick')} skipped: {score.skips[-1].reason}.")
    if score.others:
        said.append(f"{others(score)}.")
    if found.worst is not None:
        middle = "" if found.p50 is None else f"Half of the recoveries took {sentences.span(found.p50)} or less. "
        said.append(f"{middle}The longest recovery took {sentences.span(found.worst)}.")
        said += [f"That is from a fault until it was over: {whole}."] if whole else []
    if weakest is not None:
        said.append(f"At the weakest moment {weakest.healthy} of {score.desired} tasks were healthy.")
    if (asked := score.client) is not None:
        share = availability(score).removesuffix("%")
        said.append(f"The client made {asked.requests:,} requests, {failures(asked)}: {share} percent.")
    elif score.no_client:
        said.append(f"There was no client: {score.no_client}.")
    if (control := score.control) is not None and control.killed_at is not None and not control.replacements:
        said.append(f"The standalone control task {short(control.task)} was killed too, and never replaced.")
    said.append(f"The seed was {plan.seed}.")
    return said
