"""What faults of the network share: rules of iptables and a queue of tc as lines of sh, and whose traffic is meant.

The variables (TAG, NUMBER, DEVICE) are those of the image `task_images/toolbox`, whose README tells them.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network

from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.recipe import Joins, Means, Recipe, Symptom

ALL = "ALL"
EVERY_ADDRESS = "0.0.0.0/0"  # FIS's spelling of ALL
EXCEPT_HELP = "Whose traffic is spared: IPv4 addresses and ranges separated by commas."
_CHAIN = '"CECS-$TAG"'


def held(
    do: tuple[str, ...],
    undo: tuple[str, ...],
    probe: str,
    *,
    background: str = "",
    symptom: Symptom = Symptom.NONE,
    seconds: float = 5.0,
    coexists: bool = False,
) -> Recipe:
    """Carried out by a helper container in the victim's network, and held there."""
    return Recipe(
        means=Means.HOLD,
        do=do,
        undo=undo,
        probe=probe,
        probe_seconds=seconds,
        background=background,
        joins=(Joins.NETWORK,),
        capabilities=("NET_ADMIN",),
        symptom=symptom,
        coexists=coexists,
    )


def chained(
    hooks: Sequence[tuple[str, str]], rules: Sequence[str], table: str = "filter"
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A chain of our own with these rules, hooked in last and unhooked first; how to make it and how to remove it."""
    iptables = f"iptables -w -t {table}"
    jumps = [" ".join(f"{hook} {match} -j {_CHAIN}".split()) for hook, match in hooks]
    do = [f"{iptables} -N {_CHAIN}", *(f"{iptables} -A {_CHAIN} {rule}" for rule in rules)]
    do += [f"{iptables} -I {jump}" for jump in jumps]
    undo = [f"{iptables} -S >/dev/null"]  # or what fails below would look like what is not there
    undo += [f"! {iptables} -C {jump} 2>/dev/null || {iptables} -D {jump}" for jump in jumps]
    is_there = f"{iptables} -n -L {_CHAIN} >/dev/null 2>&1"
    undo.append(f"! {is_there} || {{ {iptables} -F {_CHAIN} && {iptables} -X {_CHAIN}; }}")
    return tuple(do), tuple(undo)


def queued(discipline: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A queue at the interface's root; where it has another than the kernel's own, which has no number, that stays."""
    others = 'tc qdisc show dev "$DEVICE" root | grep -qv " 0: root"'
    refuse = 'echo "somebody has put a queue of another kind at $DEVICE: it is left alone" >&2; exit 1'
    put = f'tc qdisc add dev "$DEVICE" root handle "$NUMBER:" {discipline}'
    is_there = 'tc qdisc show dev "$DEVICE" | grep -q " $NUMBER: root"'
    undo = f'! {is_there} || tc qdisc del dev "$DEVICE" root handle "$NUMBER:"'
    return (f"if {others}; then {refuse}; fi", put), (undo,)


def networks(sources: str) -> list[str]:
    """The addresses and ranges; none when all are meant. Raises InvalidParameterException."""
    if sources.upper() == ALL or sources == EVERY_ADDRESS:
        return []
    hint = "write ALL, 10.0.0.7 or 10.0.0.0/16. Names of hosts, DYNAMODB and S3 mean nothing here."
    return [_network("sources", one, hint) for one in sources.split(",")]


def spared(except_sources: str) -> list[str]:
    """The same of those to be left alone."""
    hint = "write 10.0.0.7 or 10.0.0.0/16."
    return [_network("exceptSources", one, hint) for one in except_sources.split(",")] if except_sources else []


def _network(parameter: str, value: str, hint: str) -> str:
    try:
        return str(IPv4Network(value.strip(), strict=False))
    except ValueError:
        raise InvalidParameterException(f"{parameter} '{value}' is no IPv4 address or range: {hint}") from None


def but(except_sources: str) -> str:
    """Who is spared, to be put into a sentence."""
    return f", sparing {except_sources}," if except_sources else ""
