"""HAProxy's words: a Routing as its configuration and its commands, and what it says about servers as our facts.

Pure: text in, text out. Never here: the container it runs in (`balancer_container.py`), how it is spoken to
(`admin_channel.py`) and when (`balancer.py`). Written for 2.6; sources: its configuration and management manuals.

Each target group is three backends. Requests go to GROUP, whose servers are checked at the group's own pace. When none
of those is usable they go to GROUP-open, the same servers unchecked: a load balancer with only unhealthy targets fails
open. A new target is first in GROUP-new, which no request reaches, checked every 100 ms until its first verdict.

Weights are in none of that, but in a map, so that another share needs no new configuration: see `weights`.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from chaos_ecs.core.balancing import Forward, GroupRoute, ListenerRoute, RouteMode, Routing, RuleRoute, TargetRoute

FOLDER = "/chaos"
CONFIG_NAME = "haproxy.cfg"
STATES_NAME = "servers"  # what the process before knew of its servers
WEIGHTS_NAME = "weights"
ADMIN_SOCKET = f"{FOLDER}/admin.sock"
FIRST_CHECKS_MILLISECONDS = 100
GRACE_SECONDS = 2  # for what is under way to a removed target: it finds that nobody answers, and goes elsewhere

SHOW_INFO = "show info"
SHOW_SERVERS = "show servers state"
SHOW_STAT = "show stat -1 4 -1"  # every proxy, servers only
SHOW_WEIGHTS = f"show map {FOLDER}/{WEIGHTS_NAME}"

_NOWHERE = "nowhere"  # a backend without servers: 503
_ALL = 1_000_000  # a request draws a number below it
_KEPT = "pool-max-conn -1 pool-purge-delay 1s"  # HAProxy's default of a server in the file; of an added one it is none
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_-~:@&=,")
_MAINTENANCE, _DRAIN = 0x01, 0x08  # bits of srv_admin_state
_STOPPED = 0  # srv_op_state

Key = tuple[str, str]  # backend, server


@dataclass(frozen=True, slots=True)
class Server:
    """A server as it should be; `options` are its keywords, `drains` whether it only ends what is under way."""

    address: str
    port: int
    options: str = ""
    drains: bool = False

    @property
    def is_checked(self) -> bool:
        return self.options.startswith("check ")


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """A server as `show servers state` has it."""

    address: str
    port: int
    in_maintenance: bool
    drains: bool
    is_down: bool
    since: int = 0  # seconds ago that this began


@dataclass(frozen=True, slots=True)
class Stat:
    """A server as `show stat` has it: `check` such as L7OK, "" before the first; `code` the answer's, "" without."""

    status: str
    check: str
    code: str
    requests: int


# --- the configuration ---


def backend_of(group_arn: str) -> str:
    return "g" + hashlib.sha256(group_arn.encode()).hexdigest()[:12]


def fingerprint(routing: Routing) -> str:
    """The same for two Routings that differ in targets and weights only: then no new configuration has to be loaded."""
    return hashlib.sha256("\n".join([*_global(""), *_lines(without_targets(routing))]).encode()).hexdigest()[:16]


def without_targets(routing: Routing) -> Routing:
    return replace(routing, groups=tuple(replace(group, targets=()) for group in routing.groups))


def render(routing: Routing) -> str:
    """The whole configuration. Draining targets are not in it: their requests end in the process before."""
    return "\n".join([*_global(fingerprint(routing)), *_lines(routing), ""])


def files(routing: Routing, states: str = "1") -> dict[str, str]:
    """What its folder is to hold when it begins; `states`: what the process before knew of its servers."""
    return {CONFIG_NAME: render(routing), WEIGHTS_NAME: render_weights(routing), STATES_NAME: states + "\n"}


def _global(mark: str) -> list[str]:
    return [
        "global",
        f"    description chaos-ecs {mark}",
        f"    stats socket {ADMIN_SOCKET} mode 600 level admin expose-fd listeners",
        "    stats timeout 20d",
        f"    server-state-file {FOLDER}/{STATES_NAME}",
        "    maxconn 4000",
        "    hard-stop-after 5m",
    ]


def _lines(routing: Routing) -> Iterator[str]:
    yield from (
        "defaults",
        "    mode http",
        "    load-server-state-from-file global",
        "    timeout connect 1s",
        "    timeout client 60s",
        "    timeout server 60s",
        "    retries 3",
        "    option redispatch 1",
        "    retry-on conn-failure",
        "    http-reuse safe",  # a client's first request never goes over a connection that may be dead by now
        "    option idle-close-on-response",  # a reload must not cut off who is about to ask again
        "    option forwardfor",
    )
    known = dict.fromkeys(group.arn for group in routing.groups)
    for listener in routing.listeners:
        yield from _frontend(listener, known)
    for group in routing.groups:
        yield from _backends(group)
    yield f"backend {_NOWHERE}"


def _frontend(listener: ListenerRoute, known: Collection[str]) -> Iterator[str]:
    yield f"frontend {_frontend_of(listener)}"
    yield f"    bind :{listener.host_port}"
    yield "    http-request set-header X-Forwarded-Proto http"
    yield f"    http-request set-header X-Forwarded-Port {listener.host_port}"
    yield f"    http-request set-var(txn.drawn) rand({_ALL})"
    for number, rule in enumerate(listener.rules):
        yield from _conditions(number, rule)
        names = [f"p{number}"] * bool(rule.paths) + [f"h{number}"] * bool(rule.hosts)
        yield from _choices(_forward_of(listener, number), rule.forward, known, names)
    yield from _choices(_forward_of(listener), listener.default, known, [])
    yield from _fail_open(known)
    yield "    use_backend %[var(txn.group)]"


def _fail_open(known: Collection[str]) -> Iterator[str]:
    """To all targets where none is healthy. A process that ends after a reload counts none as usable, so `nbsrv` is 0
    there whatever they are; `connslots` still tells (-1 while one is up, as nothing here is limited)."""
    yield "    use_backend %[var(txn.group)]-open if !{ stopping } { var(txn.group),nbsrv eq 0 }"
    for name in map(backend_of, known):
        has_none = f"{{ var(txn.group) -m str {name} }} {{ connslots({name}) eq 0 }}"
        yield f"    use_backend {name}-open if {{ stopping }} {has_none}"


def _frontend_of(listener: ListenerRoute) -> str:
    return "l" + hashlib.sha256(listener.arn.encode()).hexdigest()[:12]


def _forward_of(listener: ListenerRoute, rule: int | None = None) -> str:
    return f"{_frontend_of(listener)}.{'default' if rule is None else rule}"


def _conditions(number: int, rule: RuleRoute) -> Iterator[str]:
    for path in rule.paths:
        yield f"    acl p{number} path -m reg {_regex(path)}"
    for host in rule.hosts:
        yield f"    acl h{number} req.hdr(host),field(1,:) -m reg -i {_regex(host)}"


def _regex(pattern: str) -> str:
    r"""`*` is any text and `?` any character; everything else is itself, so also what means something in an
    expression or to HAProxy. Worked example: /a.b/* becomes '^/a\x2eb/.*$'."""
    wild = {"*": ".*", "?": "."}
    letters = (
        wild.get(letter) or (letter if letter in _PLAIN else "".join(f"\\x{byte:02x}" for byte in letter.encode()))
        for letter in pattern
    )
    return f"'^{''.join(letters)}$'"


def _choices(name: str, forward: Forward, known: Collection[str], conditions: Sequence[str]) -> Iterator[str]:
    """Sets the group of a request that has none yet: the first whose number in the map is above the one drawn."""
    asked = " ".join(["!{ var(txn.group) -m found }", *conditions])
    for place, arn in enumerate(_known(forward, known)):
        above = f"str({name}.{place}),map_str_int({FOLDER}/{WEIGHTS_NAME},0),sub(txn.drawn) gt 0"
        yield f"    http-request set-var(txn.group) str({backend_of(arn)}) if {asked} {{ {above} }}"
    yield f"    http-request set-var(txn.group) str({_NOWHERE}) if {asked}"


def _known(forward: Forward, known: Collection[str]) -> dict[str, int]:
    return {arn: weight for arn, weight in forward.groups if arn in known}


def _backends(group: GroupRoute) -> Iterator[str]:
    name = backend_of(group.arn)
    balance = "leastconn" if group.algorithm == "least_outstanding_requests" else "roundrobin"
    check = group.health_check
    headers = "hdr Host chaos-ecs hdr User-Agent ELB-HealthChecker/2.0 hdr Connection close"
    checks = (
        "    option httpchk",
        f"    http-check send meth GET uri {_quoted(check.path)} ver HTTP/1.1 {headers}",
        f"    http-check expect status {check.matcher}",
        f"    timeout check {check.timeout}s",
    )
    servers = servers_of(group)
    for backend in (name, f"{name}-open", f"{name}-new"):
        yield f"backend {backend}"
        yield f"    balance {balance}"
        if backend != f"{name}-open":
            yield from checks
        if backend == name:  # a change of these is a change of every server's line
            yield f"    default-server {_options(group)} {_KEPT}"
        for (where, server), wanted in servers.items():
            if where == backend and not wanted.drains:
                yield f"    server {server} {wanted.address}:{wanted.port} {wanted.options}".rstrip()


def _quoted(text: str) -> str:
    """As one word, whatever is in it."""
    kept = "".join(
        letter if " " < letter <= "~" else "".join(f"%{byte:02X}" for byte in letter.encode()) for letter in text
    )
    return "'" + kept.replace("'", "'\\''") + "'"


def _options(group: GroupRoute) -> str:
    check = group.health_check
    pace = f"inter {check.interval}s rise {check.healthy_threshold} fall {check.unhealthy_threshold}"
    return pace + (f" slowstart {group.slow_start}s" if group.slow_start else "")


# --- servers, as they should be and as they are ---


def servers_of(group: GroupRoute) -> dict[Key, Server]:
    name = backend_of(group.arn)
    servers = {}
    for target in group.targets:
        if not target.address:
            continue  # disconnected from its network, or just gone
        if target.mode is RouteMode.CHECKED:
            pace = f"check inter {FIRST_CHECKS_MILLISECONDS}ms rise 1 fall 1"
            servers[f"{name}-new", target.id] = Server(target.address, target.port, pace)
            continue
        drains = target.mode is RouteMode.DRAINING
        options = f"check {_options(group)} {_KEPT}"
        servers[name, target.id] = Server(target.address, target.port, options, drains)
        servers[f"{name}-open", target.id] = Server(target.address, target.port, _KEPT, drains)
    return servers


def servers(routing: Routing) -> dict[Key, Server]:
    return {key: server for group in routing.groups for key, server in servers_of(group).items()}


def removals(wanted: Mapping[Key, Server], seen: Mapping[Key, ServerSeen]) -> list[str]:
    """Takes out what should not be there, in one address or another; and first of all lets no request go there.

    To be asked again until there is nothing left to do: a server with a request under way cannot be deleted. A target
    that moves from one backend to another stays until it has arrived: see `additions`.
    """
    staying = dict.fromkeys((server, one.address, one.port) for (_, server), one in wanted.items())
    gone = [
        key
        for key, one in seen.items()
        if not _is_same(wanted.get(key), one) and (key[1], one.address, one.port) not in staying
    ]
    return [command for act in (_close, _delete) for key in gone for command in act(key, seen[key])]


def additions(wanted: Mapping[Key, Server], seen: Mapping[Key, ServerSeen], unhealthy: Collection[Key]) -> list[str]:
    """Brings in what should be there, and its admin state; then takes out what has moved."""
    drains = [
        f"set server {'/'.join(key)} state drain"
        for key, server in wanted.items()
        if key in seen and server.drains and not seen[key].drains
    ]
    moved = [key for key, one in seen.items() if not _is_same(wanted.get(key), one)]
    gone = [command for key in moved for command in (*_close(key, seen[key]), *_delete(key, seen[key]))]
    return [*arrivals(wanted, seen, unhealthy), *drains, *gone]


def arrivals(wanted: Mapping[Key, Server], seen: Mapping[Key, ServerSeen], unhealthy: Collection[Key]) -> list[str]:
    """Brings in what requests are to go to. `unhealthy`: known to be so, where HAProxy would begin with the hope that
    it is well."""
    commands: list[str] = []
    for key, server in wanted.items():
        if server.drains:
            continue  # nothing is to go there, and where it is not, nothing is under way
        one = seen.get(key)
        name = "/".join(key)
        if one is None:
            commands.append(f"add server {name} {server.address}:{server.port} {server.options}")
            health = "down" if key in unhealthy else "up"  # else half of it: the first failed check would do
            checks = [f"enable health {name}"] * server.is_checked
            commands += [*checks, f"enable server {name}", *[f"set server {name} health {health}" for _ in checks]]
        elif one.in_maintenance or one.drains:
            commands.append(f"set server {name} state ready")
        elif key in unhealthy and not one.is_down:
            commands.append(f"set server {name} health down")
    return commands


def _is_same(wanted: Server | None, seen: ServerSeen) -> bool:
    return wanted is not None and (wanted.address, wanted.port) == (seen.address, seen.port)


def _close(key: Key, seen: ServerSeen) -> Iterator[str]:
    if not seen.in_maintenance:
        yield f"set server {'/'.join(key)} state maint"


def _delete(key: Key, seen: ServerSeen) -> Iterator[str]:
    if seen.in_maintenance and seen.since >= GRACE_SECONDS:
        yield f"shutdown sessions server {'/'.join(key)}"
    yield f"del server {'/'.join(key)}"


# --- weights ---


def weights(routing: Routing) -> dict[str, int]:
    """The map that shares requests out: of each group of each forward the sum of the weights up to and with its own, in
    millionths of all. Worked example: weights 3, 0 and 1 are 750000, 750000 and 1000000; who draws below 750000 goes to
    the first, nobody to the second. Where every weight is 0 all are 0: nobody goes anywhere."""
    known = dict.fromkeys(group.arn for group in routing.groups)
    numbers: dict[str, int] = {}
    for listener in routing.listeners:
        forwards = {_forward_of(listener, number): rule.forward for number, rule in enumerate(listener.rules)}
        for name, forward in {**forwards, _forward_of(listener): listener.default}.items():
            shares = list(_known(forward, known).values())
            sums = [sum(shares[: place + 1]) for place in range(len(shares))]
            numbers |= {f"{name}.{place}": _ALL * each // (sums[-1] or 1) for place, each in enumerate(sums)}
    return numbers


def render_weights(routing: Routing) -> str:
    """The map as the file it is read from at the start."""
    return "".join(f"{name} {number}\n" for name, number in weights(routing).items())


def shifts(wanted: Mapping[str, int], seen: Mapping[str, int]) -> list[str]:
    """Corrects the map. Rising numbers from the first on, then falling ones from the last: so in between, too, each
    group gets only what it gets before or after."""
    path = f"{FOLDER}/{WEIGHTS_NAME}"
    rising = [name for name, number in wanted.items() if number > seen.get(name, -1)]
    falling = [name for name, number in wanted.items() if number < seen.get(name, -1)]
    return [
        f"{'set' if name in seen else 'add'} map {path} {name} {wanted[name]}" for name in [*rising, *reversed(falling)]
    ]


# --- what it says ---


def mark_of(info: str) -> str:
    """The fingerprint of the Routing whose configuration answers `show info`; "" when it is none of ours."""
    for line in info.splitlines():
        name, _, value = line.partition(": ")
        if name.lower() == "description" and value.startswith("chaos-ecs "):
            return value.removeprefix("chaos-ecs ").strip()
    return ""


def parse_servers(text: str) -> dict[Key, ServerSeen]:
    """Of an answer to `show servers state`."""
    seen: dict[Key, ServerSeen] = {}
    columns: list[str] = []
    for line in text.splitlines():
        if line.startswith("# "):
            columns = line[2:].split()
        elif columns and len(words := line.split()) > 1:
            row = dict(zip(columns, words, strict=False))
            admin = int(row["srv_admin_state"])
            seen[row["be_name"], row["srv_name"]] = ServerSeen(
                row["srv_addr"],
                int(row["srv_port"]),
                in_maintenance=bool(admin & _MAINTENANCE),
                drains=bool(admin & _DRAIN),
                is_down=int(row["srv_op_state"]) == _STOPPED,
                since=int(row["srv_time_since_last_change"]),
            )
    return seen


def parse_weights(text: str) -> dict[str, int]:
    """Of an answer to `show map`: an address of its own, the name and the number."""
    rows = (line.split() for line in text.splitlines())
    return {row[1]: int(row[2]) for row in rows if len(row) == 3}


def parse_stats(text: str) -> dict[Key, Stat]:
    """Of an answer to `show stat`."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("# ").strip()))
    return {
        (row["pxname"], row["svname"]): Stat(
            row["status"] or "",
            (row["check_status"] or "").removeprefix("* "),  # one under way: what the one before said
            row["check_code"] or "",
            int(row["stot"] or 0),
        )
        for row in rows
    }


def keys_of(group_arn: str, target: TargetRoute) -> Sequence[Key]:
    """Where requests to this target are counted."""
    name = backend_of(group_arn)
    return ((name, target.id), (f"{name}-open", target.id))
