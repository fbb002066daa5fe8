"""The parameters of a fault, read off its class, and their values as people and FIS write them.

Names are FIS's (`delayMilliseconds`), values are text, as in a FIS template. Refusals name the parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

from chaos_ecs.chaos.fault import Fault
from chaos_ecs.core.errors import InvalidParameterException

_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_PLAIN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|)")
_UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_F = TypeVar("_F", bound=Fault)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field of a fault. `default` is as people would write it, None where the parameter is required."""

    name: str  # delayMilliseconds
    field: str  # delay_milliseconds
    kind: str  # duration, number, text
    help: str
    default: str | None
    choices: tuple[str, ...] = ()
    least: float = 0
    most: float = 0
    alias: str = ""  # a shorter option: --notice


def parameters_of(fault: type[Fault]) -> tuple[Parameter, ...]:
    """In the order of their declaration."""
    return tuple(
        Parameter(
            name=_camel(item.name),
            field=item.name,
            kind=item.metadata["kind"],
            help=item.metadata["help"],
            default=None if item.default is MISSING else _written(item.metadata["kind"], item.default),
            choices=item.metadata.get("choices", ()),
            least=item.metadata.get("least", 0),
            most=item.metadata.get("most", 0),
            alias=item.metadata.get("alias", ""),
        )
        for item in fields(fault)  # type: ignore[arg-type]
    )


def made(fault: type[_F], given: Mapping[str, str]) -> _F:
    """The fault with these parameters. Raises InvalidParameterException by the name of the parameter."""
    known = {parameter.name: parameter for parameter in parameters_of(fault)}
    if unknown := [name for name in given if name not in known]:
        there = ", ".join(known) or "none"
        raise InvalidParameterException(f"{fault.name} has no parameter {unknown[0]}. Its parameters: {there}.")
    missing = [name for name, parameter in known.items() if parameter.default is None and name not in given]
    if missing:
        raise InvalidParameterException(f"{fault.name} needs the parameter {missing[0]}: {known[missing[0]].help}")
    return fault(**{known[name].field: _value(known[name], value) for name, value in given.items()})


def written(fault: Fault) -> tuple[tuple[str, str], ...]:
    """All its parameters with their values, defaults worked in."""
    return tuple(
        (parameter.name, _written(parameter.kind, getattr(fault, parameter.field)))
        for parameter in parameters_of(type(fault))
    )


def seconds(text: str) -> float:
    """Of `PT30S`, `30s`, `2m`, `500ms` or `30`. Raises ValueError."""
    plain = _PLAIN.fullmatch(text.strip().lower())
    if plain:
        return float(plain[1]) * _UNITS[plain[2]]
    iso = _ISO.fullmatch(text.strip().upper())
    if iso is None or not any(iso.groups()):
        raise ValueError(text)
    days, hours, minutes, rest = (float(part or 0) for part in iso.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + rest


def iso(value: float) -> str:
    """As FIS writes a duration: 30 -> PT30S, 90 -> PT1M30S, 0.5 -> PT0.5S."""
    minutes, rest = divmod(value, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [f"{hours}H" if hours else "", f"{minutes}M" if minutes else ""]
    parts.append(f"{rest:g}S" if rest or not any(parts) else "")
    return "PT" + "".join(parts)


def _value(parameter: Parameter, value: str) -> Any:
    match parameter.kind:
        case "duration":
            return _duration(parameter, value)
        case "number":
            return _number(parameter, value)
        case _:
            return _choice(parameter, value)


def _duration(parameter: Parameter, value: str) -> float:
    try:
        found = seconds(value)
    except ValueError:
        raise InvalidParameterException(f"{parameter.name} '{value}' is no duration: write 30s, 2m or PT30S.") from None
    if not parameter.least <= found <= parameter.most:
        least, most = _plainly(parameter.least), _plainly(parameter.most)
        raise InvalidParameterException(f"{parameter.name} '{value}' must be between {least} and {most}.")
    return found


def _plainly(value: float) -> str:
    """43200 -> 12 h, 60 -> 60 s."""
    return f"{value / 3600:g} h" if value >= 3600 else f"{value:g} s"


def _number(parameter: Parameter, value: str) -> int:
    text = value.strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise InvalidParameterException(f"{parameter.name} '{value}' is no whole number.")
    if not parameter.least <= int(text) <= parameter.most:
        raise InvalidParameterException(
            f"{parameter.name} {text} must be between {parameter.least} and {parameter.most}."
        )
    return int(text)


def _choice(parameter: Parameter, value: str) -> str:
    if parameter.choices and value.lower() not in parameter.choices:
        known = ", ".join(parameter.choices)
        raise InvalidParameterException(f"{parameter.name} '{value}' is none of: {known}.")
    return value.lower() if parameter.choices else value


def _written(kind: str, value: Any) -> str:
    return iso(value) if kind == "duration" else str(value)


def _camel(name: str) -> str:
    """delay_milliseconds -> delayMilliseconds."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)
