"""Kinds of faults as people speak of them: found by their name, made with what was typed, their parameters as options.

The kinds themselves are `chaos/catalogue.py`. Whatever is wrong with a name or a value is told here, before anybody is
asked. Never here: the commands that take them (see `fault_options.py`, `fault_catalogue.py`, `run_stage.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from chaos_ecs.chaos import catalogue, parameters
from chaos_ecs.chaos.fault import Fault, Scope
from chaos_ecs.chaos.parameters import Parameter
from chaos_ecs.cli import refusals
from chaos_ecs.errors import ChaosEcsError

MOST_WORTH_SAYING = 2**31 - 1
METAVARS = {"duration": "TIME", "number": "N", "text": "TEXT"}
_FEWEST_LETTERS, _MOST_NEAR, _NEARNESS = 4, 3, 0.75
_EXAMPLE_VALUES = {"port": "8080", "processName": "sleep", "to": "api", "az": "a"}  # of parameters that are required


def named(text: str) -> type[Fault]:
    """The kind of this name or FIS id. Raises ChaosEcsError (exit code 3) with the names that may be meant."""
    found = next((kind for kind in catalogue.FAULTS if text in (kind.name, kind.action_id)), None)
    if found is None:
        names = [kind.name for kind in catalogue.FAULTS]
        meant = near(text, names)
        near_by = f"did you mean {' or '.join(meant)}?" if meant else f"there are {len(names)} others"
        why = catalogue.NOT_OFFERED.get(text) or near_by
        raise ChaosEcsError("E-NOT-FOUND", f"There is no fault {text}", why, "chaos-ecs chaos faults", 3)
    return found


def near(text: str, names: Sequence[str]) -> list[str]:
    """Those that have it in them, else those that are all but it; foo is not oom."""
    word = text.lower()
    having = [name for name in names if len(word) >= _FEWEST_LETTERS and word in name]
    return having[:_MOST_NEAR] or get_close_matches(word, names, n=1, cutoff=_NEARNESS)


def made(kind: type[Fault], given: Mapping[str, str]) -> Fault:
    """The fault with these parameters, by FIS's names. Raises ChaosEcsError (exit code 2) by the name of the parameter
    that is wrong."""
    with refusals.as_usage(f"{kind.name} was refused", f"chaos-ecs chaos faults {kind.name}"):
        fault = parameters.made(kind, given)
        fault.describe()  # some look at a value only when it is told
    return fault


# --- parameters ---


def option_of(parameter: Parameter) -> str:
    """delayMilliseconds -> --delay-milliseconds."""
    return f"--{parameter.field.replace('_', '-')}"


def limits_of(parameter: Parameter) -> str:
    """1 to 65535; 1s to 12h; drop or refuse; "" where nothing is to be said."""
    if parameter.choices:
        return " or ".join(parameter.choices)
    if parameter.kind == "duration":
        return f"{_briefly(parameter.least)} to {_briefly(parameter.most)}"
    if parameter.kind != "number" or (parameter.least == 0 and parameter.most >= MOST_WORTH_SAYING):
        return ""
    return f"{parameter.least} to {parameter.most}" if parameter.most < MOST_WORTH_SAYING else f"from {parameter.least}"


def default_of(parameter: Parameter) -> str | None:
    """As people write it: 30s for PT30S, 2m for PT2M."""
    if parameter.default is None or parameter.kind != "duration":
        return parameter.default
    return _briefly(parameters.seconds(parameter.default))


def _briefly(value: float) -> str:
    """30 -> 30s, 120 -> 2m, 43200 -> 12h, as it can be typed."""
    unit, name = next((pair for pair in ((3600, "h"), (60, "m")) if not value % pair[0]), (1, "s"))
    return f"{value / unit:g}{name}"


def example_of(fault: type[Fault], *more: str) -> str:
    """A command line that can be typed as it stands."""
    whom = " web" if fault.scope in (Scope.TASKS, Scope.SERVICE) else ""
    if fault.scope is Scope.INSTANCES and fault.picks:
        whom = " --instance instance-1"
    required = [item for item in parameters.parameters_of(fault) if item.default is None]
    options = [f"{option_of(item)} {_EXAMPLE_VALUES.get(item.name, METAVARS[item.kind])}" for item in required]
    return " ".join((f"chaos-ecs chaos inject {fault.name}{whom}", *options, *more))
