"""A report as one page that loads nothing from anywhere: light and dark, to be printed, for a phone. Pure.

Every text of a journal is escaped. Never here: reading journals (see `journal_files.py`), and the
picture (`report_svg.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from chaos_ecs.cli.chaos import report_svg, scoreview
from chaos_ecs.cli.chaos.report_view import Activity, Report, SteadyState, brief, timeline
from chaos_ecs.cli.chaos.score import Score, Strike
from chaos_ecs.cli.layout import elapsed
from chaos_ecs.cli.line import seconds
from chaos_ecs.cli.snapshot import short
from chaos_ecs.cli.text import counted

_VARIABLES = {name: f"var(--{name})" for name in report_svg.FIXED}
_MOST_ROWS = 500

_LIGHT = {
    "page": "#ffffff",
    "card": "#f7f8f9",
    "text": "#1c2024",
    "muted": "#59616b",
    "line": "#d5dae0",
    "span": "#0b62a8",
    "bad": "#b3400a",
    "good": "#0b6b4f",
    "ok": "#8fb3cf",
    "area": "#dcebf8",
    "control": "#6b4c9a",
}
_DARK = {
    "page": "#14171a",
    "card": "#1d2126",
    "text": "#e8eaed",
    "muted": "#a4adb8",
    "line": "#3a4149",
    "span": "#6cb6ff",
    "bad": "#ff9a62",
    "good": "#5fd3a8",
    "ok": "#4f7796",
    "area": "#1e3448",
    "control": "#c3a6f5",
}

_STYLE = """
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}
main{max-width:1040px;margin:0 auto;padding:28px 20px 48px}
h1{font-size:1.7rem;line-height:1.2;margin:.2em 0}h2{font-size:1.15rem;margin:2em 0 .5em}
p{margin:.4em 0}.muted{color:var(--muted)}
.verdict{display:inline-block;margin:.6em 0;padding:.35em .8em;border:2px solid;border-radius:6px;font-weight:650}
.good{color:var(--good)}.bad{color:var(--bad)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:1.2em 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px}
.tile dt{color:var(--muted);font-size:.85rem}.tile dd{margin:0;font-size:1.5rem;font-weight:650}
.tile small{display:block;font-size:.8rem;font-weight:400;color:var(--muted)}
figure{margin:1.2em 0;padding:8px 0;background:var(--card);border:1px solid var(--line);border-radius:8px}
.wide{overflow-x:auto}figure svg{display:block;min-width:640px;width:100%;height:auto}
figcaption{padding:4px 14px;color:var(--muted);font-size:.85rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.35em .7em;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--muted);font-weight:600;font-size:.85rem}td.n,th.n{text-align:right}
code,pre{font:.9em ui-monospace,'Cascadia Mono',Menlo,Consolas,monospace}
pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 14px;white-space:pre-wrap}
.meter{display:inline-block;width:110px;height:.7em;margin-right:.6em;border:1px solid var(--span)}
.meter i{display:block;height:100%;background:var(--span)}
@media (max-width:640px){main{padding:16px 12px 32px}h1{font-size:1.35rem}.far,.meter{display:none}
th,td{padding:.3em .4em}.tile dd{font-size:1.25rem}}
@media print{main{max-width:none;padding:0}figure,.tile,tr{break-inside:avoid}.wide{overflow:visible}
figure svg{min-width:0}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


def page(report: Report) -> str:
    """The whole file."""
    title = escape(report.title)
    body = "\n".join(_body(report))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>{_styles()}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _styles() -> str:
    light, dark = (";".join(f"--{name}:{value}" for name, value in found.items()) for found in (_LIGHT, _DARK))
    screens = f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return f":root{{{light}}}{screens}{_STYLE}{report_svg.styles(_VARIABLES)}"


def _body(report: Report) -> Iterable[str]:
    score = report.score
    kicker = "chaos-ecs" if score is None else f"chaos-ecs &middot; chaos run {score.run}"
    yield f'<header><p class="muted">{kicker}</p><h1>{escape(report.title)}</h1>'
    yield f"{_verdict(report)}{_when(report)}</header>"
    if score is not None:
        yield _tiles(score)
    shown = timeline(report)
    if shown.spans or shown.moments or shown.healthy:
        caption = "The picture is to scale. A cross is a hit; the bar after it lasts until all was whole again."
        caption = caption if score is not None else "To scale: every action from its beginning to its end."
        picture = report_svg.inline(shown, report.title)
        yield f'<figure><div class="wide">{picture}</div><figcaption>{caption}</figcaption></figure>'
    if score is not None:
        yield from _kills(score)
        if score.client is not None and score.client.causes:
            yield _causes(score)
    yield from _steady(report.hypothesis, report.steady)
    if report.expectations:
        found = [
            [escape(item.name), escape(item.wanted), escape(item.measured), _met(item.met)]
            for item in report.expectations
        ]
        yield "<h2>What was expected</h2>" + _table(("what", "wanted", "measured", "met"), found)
    if score is None:
        yield from _activities("What was done", report.activities)
    if report.facts:
        yield "<h2>Who was hit, and what came of it</h2>"
        yield _table(("what", "measured"), [[escape(name), escape(text)] for name, text in report.facts])
    yield from _activities("Rollbacks", report.rollbacks)
    if report.description:
        yield f"<h2>What this was</h2><p>{escape(report.description)}</p>"
    if score is not None:
        again = f"{escape(score.plan.command())}\nchaos-ecs chaos replay {score.run}"
        yield f"<h2>Again</h2><p>The same victims in the same order, in every room:</p><pre>{again}</pre>"


def _verdict(report: Report) -> str:
    if report.score is not None:
        told = f"{'PASSED' if report.is_good else 'NOT PASSED'}: {scoreview.outcome(report.score)}"
    else:
        told = report.verdict or (f"{report.status}, deviated" if report.deviated else report.status).upper()
    return f'<p class="verdict {"good" if report.is_good else "bad"}">{escape(told)}</p>'


def _when(report: Report) -> str:
    parts = []
    if report.began_at is not None:
        parts.append(datetime.fromtimestamp(report.began_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))
    parts.append(f"lasted {seconds(report.seconds)}")
    about = report.score.about if report.score else {}
    parts += [str(about[name]) for name in ("engine", "taskDefinition") if about.get(name)]
    parts += [f"seed {report.seed}"] if report.seed is not None else []
    return f'<p class="muted">{escape(" · ".join(parts))}</p>'


# --- a run ---


def _tiles(score: Score) -> str:
    found, weakest, control = score.recovery, score.weakest, score.control
    noun = score.plan.noun.capitalize()
    p50, p95, worst = (seconds(value) if value is not None else "-" for value in (found.p50, found.p95, found.worst))
    skipped = f", {len(score.skips)} skipped" if score.skips else ""
    skipped += f"; {scoreview.others(score)}" if score.others else ""
    tiles = [
        (f"{noun}s", str(len(score.strikes)), f"{score.replaced} replaced{skipped}"),
        ("Recovery, half within", p50, f"p95 {p95}, worst {worst} (n={found.n}: {scoreview.span_words(score)[0]})"),
    ]
    if score.client is not None:
        asked = score.client
        goal = ""
        if score.plan.goal is not None:
            goal = f"; goal {scoreview.exactly(score.plan.goal)}% {scoreview.goal_word(score)}".rstrip()
        why = f" ({found_causes})" if (found_causes := scoreview.causes(asked)) else ""
        told = f"{asked.failed:,} of {asked.requests:,} requests failed{why}{goal}"
        tiles.append(("Availability", scoreview.availability(score), told))
    else:
        tiles.append(("Availability", "-", f"no client: {score.no_client}"))
    if weakest is not None:
        tiles.append(("Weakest moment", f"{weakest.healthy} of {score.desired}", "healthy tasks"))
    if control is not None and control.killed_at is None:
        tiles.append(("Control", "not killed", f"standalone task {short(control.task)}: nothing was hit"))
    elif control is not None and control.killed_at is not None:
        told = "NEVER" if not control.replacements else f"{counted(control.replacements, 'time').upper()}: A BUG"
        tiles.append(
            ("Control replaced", told, f"standalone task {short(control.task)}, killed at {seconds(control.killed_at)}")
        )
    rows = "".join(
        f'<div class="tile"><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(note)}</small></dd></div>'
        for name, value, note in tiles
    )
    return f'<dl class="tiles">{rows}</dl>'


def _kills(score: Score) -> Iterable[str]:
    longest = max((strike.seconds or 0.0 for strike in score.strikes), default=0.0)
    rows: list[tuple[float, list[str]]] = [(strike.due, _kill(strike, longest)) for strike in score.strikes]
    rows += [
        (item.due, ["-", escape(elapsed(item.due)), f'<td colspan="6">skipped: {escape(item.reason)}</td>'])
        for item in score.skips
    ]
    head = ("#", "at", "task", "place", "recovery", "failed requests", "replaced by", "remark")
    columns = len(head) if any(strike.overlaps or strike.unproven for strike in score.strikes) else len(head) - 1
    told = [row[:columns] for _, row in sorted(rows, key=lambda item: item[0])]
    yield f"<h2>{score.plan.noun.capitalize()}s</h2>"
    yield _table(head[:columns], told, far=(3, 6), numbers=(0, 5))


def _kill(strike: Strike, longest: float) -> list[str]:
    took = strike.seconds
    share = 0 if took is None or not longest else round(100 * took / longest)
    meter = f'<span class="meter" aria-hidden="true"><i style="width:{share}%"></i></span>'
    remarks = [f"hit while {' '.join(map(str, strike.overlaps))} was open"] if strike.overlaps else []
    remarks += [f"UNPROVEN: {strike.unproven}"] if strike.unproven else []
    return [
        str(strike.number),
        escape(elapsed(strike.at)),
        " ".join(f"<code>{escape(short(victim.task))}</code>" for victim in strike.victims),
        escape(scoreview.places(strike)),
        f"{meter}{'not whole' if took is None else seconds(took)}",
        "-" if strike.failed is None else str(strike.failed),
        " ".join(f"<code>{escape(short(task))}</code>" for task in strike.replacements) or "-",
        escape("; ".join(remarks)),
    ]


def _causes(score: Score) -> str:
    causes = score.client.causes if score.client else {}
    rows = [[escape(cause), f"{count:,}"] for cause, count in sorted(causes.items(), key=lambda item: -item[1])]
    return "<h2>Why requests failed</h2>" + _table(("cause", "requests"), rows, numbers=(1,))


# --- what every journal has ---


def _steady(hypothesis: str, states: Sequence[SteadyState]) -> Iterable[str]:
    if not states:
        return
    yield f"<h2>Steady state{': ' if hypothesis else ''}{escape(hypothesis)}</h2>"
    rows = [
        [escape(state.when), escape(probe.name), escape(brief(probe.output)), _met(probe.tolerance_met)]
        for state in states
        for probe in state.probes
    ]
    rows += [[escape(state.when), "(no probes)", "", _met(state.met)] for state in states if not state.probes]
    yield _table(("when", "probe", "found", "as it should be"), rows)


def _activities(heading: str, activities: Sequence[Activity]) -> Iterable[str]:
    if not activities:
        return
    yield f"<h2>{heading}</h2>"
    rows = [
        [
            "" if item.begin is None else escape(elapsed(item.begin)),
            escape(item.kind),
            escape(item.name),
            f'<b class="{"good" if item.status == "succeeded" else "bad"}">{escape(item.status)}</b>',
            "" if item.begin is None or item.end is None else seconds(item.end - item.begin),
            escape(item.trouble or brief(item.output)),
        ]
        for item in activities
    ]
    yield _table(("at", "kind", "name", "status", "took", "what came of it"), rows, far=(1,))


def _met(met: bool | None) -> str:
    if met is None:
        return "not measured"
    return '<b class="good">yes</b>' if met else '<b class="bad">NO</b>'


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, far: Sequence[int] = (), numbers: Sequence[int] = ()
) -> str:
    """Cells are escaped already, and may be whole <td>s; those `far` have no room on a phone."""

    def kind(index: int) -> str:
        names = [name for name, where in (("far", far), ("n", numbers)) if index in where]
        return f' class="{" ".join(names)}"' if names else ""

    heads = "".join(f'<th scope="col"{kind(index)}>{escape(name)}</th>' for index, name in enumerate(head))
    told = [
        "".join(cell if cell.startswith("<td") else f"<td{kind(index)}>{cell}</td>" for index, cell in enumerate(row))
        for row in rows[:_MOST_ROWS]
    ]
    if len(rows) > _MOST_ROWS:
        told.append(f'<td colspan="{len(head)}">and {len(rows) - _MOST_ROWS:,} more in the journal</td>')
    body = "".join(f"<tr>{row}</tr>" for row in told)
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
