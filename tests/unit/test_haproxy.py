"""HAProxy's words: what is rendered, which commands lead from what is to what should be, what its answers mean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos_ecs.core.balancing import (
    Forward,
    GroupRoute,
    ListenerRoute,
    RouteMode,
    Routing,
    RuleRoute,
    TargetHealthCheck,
    TargetRoute,
)
from chaos_ecs.core.balancing_messages import TargetChecked
from chaos_ecs.live import haproxy
from chaos_ecs.live.haproxy import Server, ServerSeen, Stat
from chaos_ecs.live.verdicts import Verdicts

CLUSTER = "arn:aws:ecs:us-east-1:000000000000:cluster/my-cluster"
WEB, API = "targetgroup/web", "targetgroup/api"
G = haproxy.backend_of(WEB)
KEPT = "pool-max-conn -1 pool-purge-delay 1s"  # without these words an added server's connections are never used again


def a_target(id_: str = "t1", mode: RouteMode = RouteMode.SERVING, address: str = "10.0.0.1") -> TargetRoute:
    return TargetRoute(id_, CLUSTER, address, 8080, mode)


def a_group(*targets: TargetRoute, arn: str = WEB, **check: object) -> GroupRoute:
    return GroupRoute(arn, TargetHealthCheck(**check), "round_robin", 0, targets)  # type: ignore[arg-type]


def a_routing(*groups: GroupRoute, rules: tuple[RuleRoute, ...] = (), default: Forward | None = None) -> Routing:
    forward = default or Forward(((WEB, 1),))
    return Routing((ListenerRoute("listener", 8600, rules, forward),), groups or (a_group(),))


def lines(routing: Routing) -> list[str]:
    return [line.strip() for line in haproxy.render(routing).splitlines()]


# --- the configuration ---


def test_targets_do_not_change_the_fingerprint_and_everything_else_does() -> None:
    mark = haproxy.fingerprint(a_routing())
    assert haproxy.fingerprint(a_routing(a_group(a_target()))) == mark
    others = [
        a_routing(a_group(interval=7)),
        a_routing(a_group(path="/health")),
        a_routing(replace(a_group(), slow_start=30)),
        a_routing(replace(a_group(), algorithm="least_outstanding_requests")),
        a_routing(rules=(RuleRoute(("/a",), (), Forward(((WEB, 1),))),)),
        a_routing(a_group(), a_group(arn=API), default=Forward(((WEB, 1), (API, 0)))),
        replace(a_routing(), listeners=(replace(a_routing().listeners[0], host_port=8601),)),
    ]
    assert len({mark, *(haproxy.fingerprint(other) for other in others)}) == 8


@pytest.mark.parametrize(
    ("pattern", "regex"),
    [
        ("/api/*", "'^/api/.*$'"),
        ("/v?/x.y", r"'^/v./x\x2ey$'"),
        ("/it's#\\\"", r"'^/it\x27s\x23\x5c\x22$'"),
        ("/$(id) {a}\n", r"'^/\x24\x28id\x29\x20\x7ba\x7d\x0a$'"),
        ("/ä", r"'^/\xc3\xa4$'"),
    ],
)
def test_in_a_pattern_only_stars_and_question_marks_mean_something(pattern: str, regex: str) -> None:
    routing = a_routing(rules=(RuleRoute((pattern,), (), Forward(((WEB, 1),))),))
    assert f"acl p0 path -m reg {regex}" in lines(routing)


def test_hosts_are_compared_without_case_and_port() -> None:
    routing = a_routing(rules=(RuleRoute((), ("*.Example.com",), Forward(((WEB, 1),))),))
    assert r"acl h0 req.hdr(host),field(1,:) -m reg -i '^.*\x2eExample\x2ecom$'" in lines(routing)


def test_a_request_goes_to_the_first_group_whose_number_in_the_map_is_above_the_one_drawn() -> None:
    routing = a_routing(a_group(), a_group(arn=API), default=Forward(((WEB, 3), (API, 0), ("gone", 9))))
    chosen = [line for line in lines(routing) if "set-var" in line]
    first, second = haproxy.weights(routing)
    above = "map_str_int(/chaos/weights,0),sub(txn.drawn) gt 0"
    free = "if !{ var(txn.group) -m found }"
    assert chosen == [
        "http-request set-var(txn.drawn) rand(1000000)",
        f"http-request set-var(txn.group) str({G}) {free} {{ str({first}),{above} }}",
        f"http-request set-var(txn.group) str({haproxy.backend_of(API)}) {free} {{ str({second}),{above} }}",
        f"http-request set-var(txn.group) str(nowhere) {free}",
    ]


def test_a_rule_without_any_weight_leads_nowhere_and_not_to_the_next_rule() -> None:
    routing = a_routing(rules=(RuleRoute(("/a",), (), Forward(((WEB, 0),))),))
    assert "http-request set-var(txn.group) str(nowhere) if !{ var(txn.group) -m found } p0" in lines(routing)
    assert list(haproxy.weights(routing).values()) == [0, 1_000_000]


# --- weights ---


def weighted(*weights: int) -> Routing:
    """One listener that forwards to as many groups."""
    arns = [f"group{place}" for place in range(len(weights))]
    forward = Forward(tuple(zip(arns, weights, strict=True)))
    return a_routing(*(a_group(arn=arn) for arn in arns), default=forward)


@pytest.mark.parametrize(
    ("weights", "numbers"),
    [
        ((1,), [1_000_000]),
        ((3, 0, 1), [750_000, 750_000, 1_000_000]),
        ((999, 1), [999_000, 1_000_000]),
        ((1, 999, 999, 999, 999), [250, 250_187, 500_125, 750_062, 1_000_000]),
        ((0, 5, 0), [0, 1_000_000, 1_000_000]),
        ((0, 0), [0, 0]),
    ],
)
def test_numbers_add_up_to_all_and_a_weight_of_zero_adds_nothing(weights: tuple[int, ...], numbers: list[int]) -> None:
    assert list(haproxy.weights(weighted(*weights)).values()) == numbers


def test_another_share_is_the_same_configuration_and_another_map() -> None:
    before, after = weighted(100, 0), weighted(90, 10)
    assert haproxy.fingerprint(before) == haproxy.fingerprint(after)
    assert haproxy.render(before) == haproxy.render(after)
    first, second = haproxy.weights(after)
    assert haproxy.files(after)["weights"] == f"{first} 900000\n{second} 1000000\n"
    assert haproxy.shifts(haproxy.weights(after), haproxy.weights(before)) == [f"set map /chaos/weights {first} 900000"]
    assert haproxy.shifts(haproxy.weights(after), haproxy.weights(after)) == []


@pytest.mark.parametrize("before", [(100, 0, 0), (50, 50, 0), (20, 0, 80), (0, 0, 0), (0, 0, 1)])
@pytest.mark.parametrize("after", [(0, 0, 100), (100, 0, 0), (0, 80, 20), (1, 1, 1), (0, 0, 0)])
def test_while_shares_change_each_request_goes_where_it_goes_before_or_after(
    before: tuple[int, ...], after: tuple[int, ...]
) -> None:
    then, now = haproxy.weights(weighted(*before)), haproxy.weights(weighted(*after))
    draws = [0, 1, 199_999, 200_000, 333_333, 499_999, 500_000, 700_000, 900_000, 999_999]
    allowed = [{chosen(then, drawn), chosen(now, drawn)} for drawn in draws]
    numbers = dict(then)
    for command in haproxy.shifts(now, then):
        _, _, _, name, number = command.split()
        numbers[name] = int(number)
        assert all(chosen(numbers, drawn) in groups for drawn, groups in zip(draws, allowed, strict=True)), command
    assert numbers == now


def chosen(numbers: dict[str, int], drawn: int) -> str:
    return next((name for name, number in numbers.items() if number > drawn), "nowhere")


def test_a_name_that_the_map_does_not_have_is_added() -> None:
    assert haproxy.shifts({"l1.0.0": 0}, {}) == ["add map /chaos/weights l1.0.0 0"]


def test_the_map_is_read_without_its_addresses() -> None:
    assert haproxy.parse_weights("0x559fe63b5790 l1.default.0 250\n0x559fe63b5791 l1.0.0 0\n\n") == {
        "l1.default.0": 250,
        "l1.0.0": 0,
    }


def test_health_checks_ask_as_the_target_group_says() -> None:
    text = lines(a_routing(a_group(path="/it's ok?a=%41", matcher="200-299,301", timeout=7)))
    (send,) = dict.fromkeys(line for line in text if line.startswith("http-check send"))
    assert send.startswith("http-check send meth GET uri '/it'\\''s%20ok?a=%41' ver HTTP/1.1")
    assert "http-check expect status 200-299,301" in text
    assert "timeout check 7s" in text


def test_the_admin_socket_is_a_file_and_no_port() -> None:
    sockets = [line for line in lines(a_routing()) if "stats socket" in line]
    assert sockets == ["stats socket /chaos/admin.sock mode 600 level admin expose-fd listeners"]


def test_a_new_target_is_checked_quickly_where_no_request_goes_and_a_draining_one_is_not_configured() -> None:
    targets = (a_target("a"), a_target("b", RouteMode.CHECKED), a_target("c", RouteMode.DRAINING))
    text = "\n".join(lines(a_routing(a_group(*targets))))
    checked, open_, new = (
        text.split(f"backend {name}\n")[1].split("backend ")[0] for name in (G, f"{G}-open", f"{G}-new")
    )
    assert "server a 10.0.0.1:8080 check inter 30s rise 5 fall 2" in checked
    assert f"server a 10.0.0.1:8080 {KEPT}\n" in open_
    assert "server b 10.0.0.1:8080 check inter 100ms" in new
    assert "server c" not in text


# --- commands ---


def seen(address: str = "10.0.0.1", **more: object) -> ServerSeen:
    defaults: dict[str, object] = {"port": 8080, "in_maintenance": False, "drains": False, "is_down": False}
    return ServerSeen(address, **(defaults | more))  # type: ignore[arg-type]


def wanted(*targets: TargetRoute) -> dict[haproxy.Key, Server]:
    return haproxy.servers(a_routing(a_group(*targets)))


def test_nothing_is_to_do_when_everything_is_as_it_should_be() -> None:
    there = {(G, "t1"): seen(), (f"{G}-open", "t1"): seen()}
    assert haproxy.removals(wanted(a_target()), there) == []
    assert haproxy.additions(wanted(a_target()), there, {}) == []


def test_a_removed_target_is_out_before_anything_else_is_done() -> None:
    there = {(G, "t1"): seen(), (f"{G}-open", "t1"): seen()}
    assert haproxy.removals({}, there) == [
        f"set server {G}/t1 state maint",
        f"set server {G}-open/t1 state maint",
        f"del server {G}/t1",
        f"del server {G}-open/t1",
    ]


def test_what_is_under_way_to_a_removed_target_is_cut_off_after_a_grace() -> None:
    closed = {(G, "t1"): seen(in_maintenance=True, since=1)}
    assert haproxy.removals({}, closed) == [f"del server {G}/t1"]
    closed = {(G, "t1"): seen(in_maintenance=True, since=2)}
    assert haproxy.removals({}, closed) == [f"shutdown sessions server {G}/t1", f"del server {G}/t1"]


def test_a_target_at_another_address_is_taken_out_first() -> None:
    there = {(G, "t1"): seen("10.0.0.9"), (f"{G}-open", "t1"): seen("10.0.0.9")}
    assert haproxy.removals(wanted(a_target()), there)[0] == f"set server {G}/t1 state maint"


def test_a_target_that_has_passed_arrives_before_it_leaves_where_it_was_tried() -> None:
    there = {(f"{G}-new", "t1"): seen()}
    assert haproxy.removals(wanted(a_target()), there) == []
    assert haproxy.additions(wanted(a_target()), there, {}) == [
        f"add server {G}/t1 10.0.0.1:8080 check inter 30s rise 5 fall 2 {KEPT}",
        f"enable health {G}/t1",
        f"enable server {G}/t1",
        f"set server {G}/t1 health up",
        f"add server {G}-open/t1 10.0.0.1:8080 {KEPT}",
        f"enable server {G}-open/t1",
        f"set server {G}-new/t1 state maint",
        f"del server {G}-new/t1",
    ]


def test_a_target_known_as_unhealthy_does_not_begin_as_well() -> None:
    commands = haproxy.additions(wanted(a_target()), {}, {(G, "t1"): None})
    assert f"set server {G}/t1 health down" in commands
    assert f"set server {G}/t1 health up" not in commands


def test_a_draining_target_is_drained_where_it_is_and_never_brought_in() -> None:
    drains = wanted(a_target(mode=RouteMode.DRAINING))
    assert haproxy.additions(drains, {}, {}) == []
    there = {(G, "t1"): seen(), (f"{G}-open", "t1"): seen(drains=True)}
    assert haproxy.removals(drains, there) == []
    assert haproxy.additions(drains, there, {}) == [f"set server {G}/t1 state drain"]


def test_what_arrives_is_there_before_shares_change_and_nobody_leaves_yet() -> None:
    targets = wanted(a_target("new"), a_target("old", RouteMode.DRAINING))
    there = {key: seen() for key in ((G, "old"), (f"{G}-open", "old"), (f"{G}-new", "new"))}
    commands = haproxy.arrivals(targets, there, {})
    assert [command.split()[:3] for command in commands if command.startswith("add")] == [
        ["add", "server", f"{G}/new"],
        ["add", "server", f"{G}-open/new"],
    ]
    assert not [command for command in commands if "old" in command or "-new" in command]


def test_a_target_without_an_address_is_no_server() -> None:
    assert wanted(a_target(address="")) == {}


# --- answers ---


def test_servers_are_read_by_the_names_of_their_columns() -> None:
    text = (
        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_time_since_last_change srv_port\n"
        "3 g1 1 aa 172.17.0.9 0 0 5 8080\n3 g1 2 bb 172.17.0.2 2 1 0 80\n4 g1-open 1 aa 172.17.0.9 2 8 0 8080\n\n"
    )
    assert haproxy.parse_servers(text) == {
        ("g1", "aa"): ServerSeen("172.17.0.9", 8080, False, False, True, 5),
        ("g1", "bb"): ServerSeen("172.17.0.2", 80, True, False, False),
        ("g1-open", "aa"): ServerSeen("172.17.0.9", 8080, False, True, False),
    }


def test_statistics_are_read_also_while_a_check_is_under_way() -> None:
    text = "# pxname,svname,stot,status,check_status,check_code,\ng1,aa,7,DOWN,* L7STS,503,\ng1-open,aa,,no check,,,\n"
    assert haproxy.parse_stats(text) == {
        ("g1", "aa"): Stat("DOWN", "L7STS", "503", 7),
        ("g1-open", "aa"): Stat("no check", "", "", 0),
    }


def test_a_configuration_is_known_by_its_mark() -> None:
    assert haproxy.mark_of("Name: HAProxy\ndescription: chaos-ecs 0123\n") == "0123"
    assert haproxy.mark_of("Name: HAProxy\ndescription: something else\n") == ""


# --- verdicts ---


def told(verdicts: Verdicts, mode: RouteMode, stat: Stat, now: float) -> list[TargetChecked]:
    backend = f"{G}-new" if mode is RouteMode.CHECKED else G
    routing = a_routing(a_group(a_target(mode=mode), interval=30))
    return verdicts.facts(routing, {(backend, "t1"): stat}, now)


def failing(check: str = "L7STS", code: str = "503", status: str = "DOWN") -> Stat:
    return Stat(status, check, code, 0)


GOOD = Stat("UP", "L7OK", "200", 0)


def test_a_new_target_is_told_once_with_its_first_good_check() -> None:
    verdicts = Verdicts()
    assert told(verdicts, RouteMode.CHECKED, Stat("UP", "INI", "", 0), 0) == []
    assert told(verdicts, RouteMode.CHECKED, GOOD, 0.1) == [TargetChecked(WEB, "t1", "10.0.0.1", True)]
    assert told(verdicts, RouteMode.CHECKED, GOOD, 0.2) == []


def test_a_new_target_fails_no_sooner_than_at_its_groups_pace() -> None:
    verdicts = Verdicts()
    assert told(verdicts, RouteMode.CHECKED, failing(), 1.0) == []
    assert told(verdicts, RouteMode.CHECKED, failing(), 30.9) == []
    (fact,) = told(verdicts, RouteMode.CHECKED, failing(), 31.0)
    assert (fact.passed, fact.reason) == (False, "Target.ResponseCodeMismatch")
    assert fact.description == "Health checks failed with these codes: [503]"
    assert told(verdicts, RouteMode.CHECKED, failing(), 90.0) == []


def test_a_serving_target_is_as_haproxy_thinks() -> None:
    verdicts = Verdicts()
    assert told(verdicts, RouteMode.SERVING, failing(status="UP 1/2"), 0) == []
    assert not told(verdicts, RouteMode.SERVING, failing(), 1)[0].passed
    assert told(verdicts, RouteMode.SERVING, Stat("DOWN 1/5", "L7OK", "200", 0), 2) == []
    assert told(verdicts, RouteMode.SERVING, GOOD, 3)[0].passed


def test_a_hope_that_no_check_has_borne_out_is_no_verdict() -> None:
    assert told(Verdicts(), RouteMode.SERVING, Stat("UP", "INI", "", 0), 0) == []


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        ("L4TOUT", "Target.Timeout"),
        ("L7TOUT", "Target.Timeout"),
        ("L4CON", "Target.FailedHealthChecks"),
        ("L7RSP", "Target.FailedHealthChecks"),
    ],
)
def test_a_failed_check_has_the_reason_that_elb_gives(check: str, reason: str) -> None:
    assert told(Verdicts(), RouteMode.SERVING, failing(check, ""), 0)[0].reason == reason


def test_a_draining_target_is_told_nothing_of() -> None:
    assert told(Verdicts(), RouteMode.DRAINING, failing(), 0) == []


def test_requests_are_counted_on_over_a_new_process() -> None:
    verdicts = Verdicts()
    routing = a_routing(a_group(a_target()))
    for checked, open_ in ((5, 1), (7, 1), (2, 0)):
        stats = {(G, "t1"): Stat("UP", "L7OK", "", checked), (f"{G}-open", "t1"): Stat("no check", "", "", open_)}
        verdicts.facts(routing, stats, 0)
    assert verdicts.requests() == {WEB: {"t1": 7 + 2 + 1}}
