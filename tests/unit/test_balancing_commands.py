"""Target groups, load balancers, listeners and rules in the core: a refusal changes nothing, the rest shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos_ecs.core import balancing_messages as b
from chaos_ecs.core.apply import apply
from chaos_ecs.core.arns import default_rule_arn
from chaos_ecs.core.balancing import Forward, Target, TargetGroup, TargetHealthCheck
from chaos_ecs.core.errors import EcsError
from chaos_ecs.core.listeners import CONTROLLER_PORT, dns_name_of, rules_of
from chaos_ecs.core.messages import Event, Message
from chaos_ecs.core.pace import AWS, DEMO
from chaos_ecs.core.state import State
from chaos_ecs.core.target_groups import attributes_of, health_told

REGION = "us-east-1"
CHECK = TargetHealthCheck(interval=2, timeout=1)


class World:
    """A State and what its events said."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State("salt")
        self.told: list[Event] = []

    def do(self, message: Message) -> None:
        self.told += apply(self.state, message, 100.0)

    def group(self, name: str = "web", **members: object) -> str:
        self.do(b.CreateTargetGroup(REGION, name, **({"health_check": CHECK} | members)))  # type: ignore[arg-type]
        return next(arn for arn, group in self.state.target_groups.items() if group.name == name)

    def load_balancer(self, name: str = "front") -> str:
        self.do(b.CreateLoadBalancer(REGION, name))
        return next(arn for arn, found in self.state.load_balancers.items() if found.name == name)

    def listener(self, load_balancer: str, port: int, *groups: str) -> str:
        self.do(b.CreateListener(load_balancer, port, to(*groups)))
        return next(
            arn
            for arn, listener in self.state.listeners.items()
            if (listener.load_balancer_arn, listener.port) == (load_balancer, port)
        )

    def rule(self, listener: str, priority: int, group: str, path: str = "/api/*") -> str:
        self.do(b.CreateRule(listener, priority, to(group), paths=(path,)))
        return next(rule.arn for rule in rules_of(self.state, listener) if rule.priority == priority)

    def host_ports(self) -> list[int]:
        return [listener.host_port for listener in self.state.listeners.values()]

    def everything(self) -> str:
        state = self.state
        return repr([state.target_groups, state.load_balancers, state.listeners, state.rules, state.targets])


def to(*groups: str) -> Forward:
    return Forward(tuple((arn, 1) for arn in groups))


@pytest.fixture
def world() -> World:
    return World()


# --- target groups ---


def test_a_target_group_has_an_arn_of_elastic_load_balancing_and_the_deregistration_delay_of_the_pace() -> None:
    for pace, seconds in ((DEMO, 2), (AWS, 300)):
        world = World(State("salt", pace))
        arn = world.group(health_check=TargetHealthCheck())
        head, _, id_ = arn.rpartition("/")
        assert head == "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web"
        assert len(id_) == 16
        assert world.state.target_groups[arn].deregistration_delay == seconds


def test_a_target_group_that_comes_back_has_another_arn(world: World) -> None:
    first = world.group()
    world.do(b.DeleteTargetGroup(first))
    assert world.group() != first


def test_a_target_group_is_created_once_and_other_settings_are_refused(world: World) -> None:
    arn = world.group()
    assert world.group() == arn
    with pytest.raises(EcsError, match="A target group with the same name 'web' exists, but with different settings"):
        world.group(port=81)
    assert list(world.state.target_groups) == [arn]


def test_each_region_has_target_groups_of_its_own(world: World) -> None:
    world.group()
    world.do(b.CreateTargetGroup("eu-west-1", "web", 81, health_check=CHECK))
    assert sorted(arn.split(":")[3] for arn in world.state.target_groups) == ["eu-west-1", "us-east-1"]


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (TargetHealthCheck(interval=0, timeout=1), "interval '0' must be between '1' and '300'"),
        (TargetHealthCheck(interval=301), "interval '301' must be between '1' and '300'"),
        (TargetHealthCheck(timeout=0), "timeout '0' must be between '1' and '120'"),
        (TargetHealthCheck(interval=300, timeout=121), "timeout '121' must be between '1' and '120'"),
        (TargetHealthCheck(interval=5, timeout=5), "Health check interval must be greater than the timeout."),
        (TargetHealthCheck(healthy_threshold=1), "Healthy threshold count '1' must be between '2' and '10'"),
        (TargetHealthCheck(unhealthy_threshold=11), "Unhealthy threshold count '11' must be between '2' and '10'"),
        (TargetHealthCheck(path="health"), "must begin with '/'"),
        (TargetHealthCheck(path="/a b"), "visible ASCII"),
        (TargetHealthCheck(path="/a\nb"), "visible ASCII"),
        (TargetHealthCheck(path='/"; x'), "visible ASCII"),
        (TargetHealthCheck(path="/a\\b"), "backslashes"),
        (TargetHealthCheck(path="/" + "a" * 1024), "1024"),
        (TargetHealthCheck(matcher="199"), "'200-499'"),
        (TargetHealthCheck(matcher="200-500"), "'200-499'"),
        (TargetHealthCheck(matcher="200, 204"), "'200-499'"),
        (TargetHealthCheck(matcher=""), "'200-499'"),
    ],
)
def test_health_checks_out_of_the_ranges_of_a_load_balancer_are_refused(
    world: World, check: TargetHealthCheck, said: str
) -> None:
    arn = world.group()
    before = world.everything()
    with pytest.raises(EcsError) as created:
        world.group("other", health_check=check)
    with pytest.raises(EcsError) as modified:
        world.do(b.ModifyTargetGroup(arn, check))
    assert (created.value.code, modified.value.code) == ("ValidationError", "ValidationError")
    assert said in created.value.message
    assert world.everything() == before


def test_one_second_is_taken_at_the_demo_pace_and_not_at_that_of_aws() -> None:
    quick = TargetHealthCheck(interval=1, timeout=1)
    world = World(State("salt", DEMO))
    assert world.state.target_groups[world.group(health_check=quick)].health_check == quick
    with pytest.raises(EcsError, match="interval '1' must be between '5' and '300'"):
        World(State("salt", AWS)).group(health_check=quick)
    with pytest.raises(EcsError, match="timeout '1' must be between '2' and '120'"):
        World(State("salt", AWS)).group(health_check=TargetHealthCheck(timeout=1))


@pytest.mark.parametrize("matcher", ["200", "200-499", "200,202", "200-299,301,400-404"])
def test_codes_and_ranges_of_them_are_matchers(world: World, matcher: str) -> None:
    check = replace(CHECK, matcher=matcher)
    assert world.state.target_groups[world.group(health_check=check)].health_check.matcher == matcher


@pytest.mark.parametrize("target_type", ["lambda", "alb", "pod"])
def test_targets_that_are_no_tasks_are_refused_by_name(world: World, target_type: str) -> None:
    with pytest.raises(EcsError, match=f"The target type '{target_type}' is not supported"):
        world.group(target_type=target_type)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a" * 33, "cannot be longer than '32' characters"),
        ("a_b", "can only contain characters that are alphanumeric characters or hyphens(-)"),
        ("", "can only contain"),
        ("-a", "cannot begin or end with '-'"),
        ("a-", "cannot begin or end with '-'"),
        ("ä", "can only contain"),
    ],
)
def test_names_are_as_elastic_load_balancing_takes_them(world: World, name: str, said: str) -> None:
    for create in (world.group, world.load_balancer):
        with pytest.raises(EcsError) as caught:
            create(name)
        assert said in caught.value.message
        assert caught.value.code == "ValidationError"


def test_attributes_that_the_core_knows_change_the_group_and_others_are_kept(world: World) -> None:
    arn = world.group()
    changes = {
        "deregistration_delay.timeout_seconds": "0",
        "slow_start.duration_seconds": "30",
        "load_balancing.cross_zone.enabled": "true",
    }
    world.do(b.ModifyTargetGroupAttributes(arn, tuple(changes.items())))
    group = world.state.target_groups[arn]
    assert (group.deregistration_delay, group.slow_start, group.algorithm) == (0, 30, "round_robin")
    told = attributes_of(group)
    assert {key: told[key] for key in changes} == changes
    assert told["stickiness.enabled"] == "false"


@pytest.mark.parametrize(
    ("key", "value", "code", "said"),
    [
        ("deregistration_delay.timeout_seconds", "3601", "ValidationError", "between 0 and 3600"),
        ("deregistration_delay.timeout_seconds", "-1", "ValidationError", "between 0 and 3600"),
        ("deregistration_delay.timeout_seconds", "soon", "ValidationError", "'soon' is not a valid value"),
        ("deregistration_delay.timeout_seconds", "", "ValidationError", "between 0 and 3600"),
        ("slow_start.duration_seconds", "29", "ValidationError", "between 30 and 900, or 0"),
        ("slow_start.duration_seconds", "901", "ValidationError", "between 30 and 900, or 0"),
        ("load_balancing.algorithm.type", "random", "ValidationError", "round_robin or least_outstanding_requests"),
        ("load_balancing.algorithm.type", "weighted_random", "InvalidConfigurationRequest", "weighted_random"),
        ("stickiness.enabled", "true", "InvalidConfigurationRequest", "stickiness.enabled"),
        ("made.up", "1", "ValidationError", "Target group attribute key 'made.up' is not recognized"),
    ],
)
def test_attributes_that_cannot_be_had_change_nothing(world: World, key: str, value: str, code: str, said: str) -> None:
    arn = world.group()
    before = world.everything()
    with pytest.raises(EcsError) as caught:
        world.do(b.ModifyTargetGroupAttributes(arn, (("stickiness.type", "app_cookie"), (key, value))))
    assert caught.value.code == code
    assert said in caught.value.message
    assert world.everything() == before


def test_slow_start_and_least_outstanding_requests_exclude_each_other(world: World) -> None:
    arn = world.group()
    world.do(b.ModifyTargetGroupAttributes(arn, (("load_balancing.algorithm.type", "least_outstanding_requests"),)))
    with pytest.raises(EcsError, match="cannot be used together"):
        world.do(b.ModifyTargetGroupAttributes(arn, (("slow_start.duration_seconds", "60"),)))


def test_a_target_group_in_use_stays_and_its_tasks_are_no_hindrance(world: World) -> None:
    group, other = world.group(), world.group("other")
    listener = world.listener(world.load_balancer(), 80, group)
    rule = world.rule(listener, 1, other)
    for arn in (group, other):
        with pytest.raises(EcsError) as caught:
            world.do(b.DeleteTargetGroup(arn))
        assert caught.value.code == "ResourceInUse"
        assert caught.value.message == f"Target group '{arn}' is currently in use by a listener or a rule"
    world.do(b.DeleteRule(rule))
    world.state.put(Target(other, "arn:aws:ecs:us-east-1:123456789012:task/my-cluster/1f", "10.0.0.2", 8080, 1.0))
    world.do(b.DeleteTargetGroup(other))
    assert list(world.state.target_groups) == [group]
    assert world.state.targets == {}
    world.do(b.DeleteTargetGroup(other))  # and again: no error


def test_targets_of_a_group_that_nothing_forwards_to_are_unused() -> None:
    target = Target("group", "task/1", "10.0.0.2", 80, 1.0)
    assert health_told(target, in_use=False) == (
        "unused",
        "Target.NotInUse",
        "Target group is not configured to receive traffic from the load balancer",
    )
    assert health_told(target, in_use=True)[0] == "initial"


def test_a_load_balancer_forwards_within_its_region_only(world: World) -> None:
    world.do(b.CreateTargetGroup("eu-west-1", "web", health_check=CHECK))
    (elsewhere,) = world.state.target_groups
    with pytest.raises(EcsError) as caught:
        world.listener(world.load_balancer(), 80, elsewhere)
    assert caught.value.code == "TargetGroupNotFound"


# --- ports ---


def test_load_balancers_reserve_ports_from_8480_and_leave_out_the_controllers(world: World) -> None:
    found = [world.state.load_balancers[world.load_balancer(name)] for name in ("a", "b", "c")]
    assert [item.host_port for item in found] == [8480, 8482, 8483]
    assert CONTROLLER_PORT == 8481
    assert dns_name_of(found[0]) == "127.0.0.1:8480"


def test_the_first_listener_is_at_the_load_balancers_address_whatever_its_port(world: World) -> None:
    group, front = world.group(), world.load_balancer()
    world.listener(front, 8080, group)
    assert world.host_ports() == [world.state.load_balancers[front].host_port]


def test_further_listeners_get_their_own_port_where_it_can_be_had_and_the_next_free_one_elsewhere(world: World) -> None:
    group, front = world.group(), world.load_balancer()
    world.load_balancer("other")  # has 8482 reserved
    for port in (80, 9090, 443, 8482):
        world.listener(front, port, group)
    assert world.host_ports() == [8480, 9090, 8483, 8484]


def test_a_port_that_is_free_again_is_given_out_again(world: World) -> None:
    group, front = world.group(), world.load_balancer()
    world.do(b.DeleteListener(world.listener(front, 80, group)))
    world.listener(front, 81, group)
    assert world.host_ports() == [8480]


def test_a_listener_whose_port_is_taken_moves_and_its_load_balancer_with_it(world: World) -> None:
    group, front = world.group(), world.load_balancer()
    first, second = world.listener(front, 80, group), world.listener(front, 9090, group)
    world.do(b.HostPortTaken(first, 8480))
    world.do(b.HostPortTaken(first, 8480))  # of before: it has moved
    world.do(b.HostPortTaken(second, 9090))
    world.do(b.HostPortTaken("gone", 9090))
    assert world.host_ports() == [8482, 9091]
    assert world.state.load_balancers[front].host_port == 8482
    moved = [event for event in world.told if event.type == "LISTENER_MOVED"]
    assert [event.data["hostPort"] for event in moved] == [8482, 9091]
    assert moved[0].message == (
        "port 8480 is taken by another program: load balancer front is at http://127.0.0.1:8482/"
    )


def test_the_highest_port_is_followed_by_the_lowest(world: World) -> None:
    group, front = world.group(), world.load_balancer()
    world.listener(front, 80, group)
    world.do(b.HostPortTaken(world.listener(front, 65535, group), 65535))
    assert world.host_ports() == [8480, 8482]


# --- load balancers, listeners, rules ---


def test_a_load_balancer_goes_with_its_listeners_and_their_rules(world: World) -> None:
    group = world.group()
    front = world.load_balancer()
    world.rule(world.listener(front, 80, group), 1, group)
    world.do(b.DeleteLoadBalancer(front))
    assert (world.state.load_balancers, world.state.listeners, world.state.rules) == ({}, {}, {})
    world.do(b.DeleteLoadBalancer(front))  # and again: no error
    world.do(b.DeleteTargetGroup(group))


def test_load_balancers_and_listeners_are_created_once_and_other_settings_are_refused(world: World) -> None:
    group, other = world.group(), world.group("other")
    front = world.load_balancer()
    assert world.load_balancer() == front
    with pytest.raises(EcsError, match="A load balancer with the same name 'front' exists, but with different"):
        world.do(b.CreateLoadBalancer(REGION, "front", scheme="internal"))
    listener = world.listener(front, 80, group)
    assert world.listener(front, 80, group) == listener
    with pytest.raises(EcsError) as caught:
        world.listener(front, 80, other)
    assert caught.value.code == "DuplicateListener"


def test_arns_of_listeners_and_rules_carry_those_above_them(world: World) -> None:
    front = world.load_balancer()
    listener = world.listener(front, 80, world.group())
    rule = world.rule(listener, 1, world.group())
    assert listener.startswith(front.replace(":loadbalancer/app/", ":listener/app/") + "/")
    assert rule.startswith(listener.replace(":listener/", ":listener-rule/") + "/")
    assert default_rule_arn(listener) not in (rule, listener)
    assert len(default_rule_arn(listener)) == len(rule)


def test_rules_are_tried_in_the_order_of_their_priorities(world: World) -> None:
    group = world.group()
    listener = world.listener(world.load_balancer(), 80, group)
    for priority in (30, 1, 50_000, 2):
        world.rule(listener, priority, group, f"/{priority}")
    assert [rule.paths for rule in rules_of(world.state, listener)] == [("/1",), ("/2",), ("/30",), ("/50000",)]


def test_a_rule_is_modified_member_by_member(world: World) -> None:
    group, other = world.group(), world.group("other")
    rule = world.rule(world.listener(world.load_balancer(), 80, group), 1, group)
    world.do(b.ModifyRule(rule, to(other)))
    assert (world.state.rules[rule].forward, world.state.rules[rule].paths) == (to(other), ("/api/*",))
    world.do(b.ModifyRule(rule, paths=(), hosts=("*.example.com",)))
    assert (world.state.rules[rule].paths, world.state.rules[rule].hosts) == ((), ("*.example.com",))
    assert world.state.rules[rule].forward == to(other)


def test_a_listener_is_given_another_target_group(world: World) -> None:
    group, other = world.group(), world.group("other")
    listener = world.listener(world.load_balancer(), 80, group)
    world.do(b.ModifyListener(listener, Forward(((group, 9), (other, 1)))))
    world.do(b.ModifyListener(listener))
    assert world.state.listeners[listener].default.groups == ((group, 9), (other, 1))


A_PATTERN_TOO_MANY = tuple(f"/{number}" for number in range(6))

Refused = tuple[str, Callable[["Scene"], Message], str, str]


class Scene:
    """One load balancer with one listener and one rule, another load balancer, and groups of both."""

    def __init__(self, world: World) -> None:
        self.group, self.free, self.others = (world.group(name) for name in ("web", "free", "others"))
        self.front = world.load_balancer()
        self.listener = world.listener(self.front, 80, self.group)
        self.rule = world.rule(self.listener, 10, self.group)
        world.listener(world.load_balancer("second"), 80, self.others)

    def rule_with(self, *paths: str, hosts: tuple[str, ...] = (), priority: int = 11) -> b.CreateRule:
        return b.CreateRule(self.listener, priority, to(self.group), paths, hosts)

    def listener_to(self, *groups: tuple[str, int], port: int = 81) -> b.CreateListener:
        return b.CreateListener(self.front, port, Forward(groups))


REFUSED: list[Refused] = [
    ("no group", lambda s: s.listener_to(), "ValidationError", "1 to 5 target groups, not 0"),
    ("groups", lambda s: s.listener_to(*((f"g{n}", 1) for n in range(6))), "ValidationError", "not 6"),
    ("twice", lambda s: s.listener_to((s.free, 1), (s.free, 2)), "ValidationError", "each target group once"),
    ("weight", lambda s: s.listener_to((s.free, 1000)), "ValidationError", "'1000' must be between '0' and '999'"),
    ("no such group", lambda s: s.listener_to((s.free + "0", 1)), "TargetGroupNotFound", "One or more target groups"),
    ("not ours", lambda s: s.listener_to((s.others, 1)), "TargetGroupAssociationLimit", "more than one load balancer"),
    ("port", lambda s: s.listener_to((s.free, 1), port=65536), "ValidationError", "between '1' and '65535'"),
    ("no such balancer", lambda s: b.CreateListener("x", 80, to(s.free)), "LoadBalancerNotFound", "'x' not found"),
    (
        "not ours",
        lambda s: b.ModifyListener(s.listener, to(s.others)),
        "TargetGroupAssociationLimit",
        "cannot be associated",
    ),
    ("no listener", lambda s: b.ModifyListener("x", to(s.free)), "ListenerNotFound", "One or more listeners not found"),
    ("no listener", lambda s: b.DeleteListener("x"), "ListenerNotFound", "One or more listeners not found"),
    ("no listener", lambda s: b.CreateRule("x", 1, to(s.free), ("/",)), "ListenerNotFound", "listeners not found"),
    ("priority", lambda s: s.rule_with("/", priority=10), "PriorityInUse", "Priority '10' is currently in use"),
    ("priority 0", lambda s: s.rule_with("/", priority=0), "ValidationError", "between '1' and '50000'"),
    ("priority high", lambda s: s.rule_with("/", priority=50_001), "ValidationError", "between '1' and '50000'"),
    ("no condition", lambda s: s.rule_with(), "ValidationError", "A condition must be specified"),
    ("values", lambda s: s.rule_with(*A_PATTERN_TOO_MANY), "ValidationError", "at most 5 condition values, not 6"),
    ("wildcards", lambda s: s.rule_with("/*/*/*", "/?/?/?"), "ValidationError", "at most 5 wildcards, not 6"),
    ("a space", lambda s: s.rule_with("/a b"), "ValidationError", "not a valid path-pattern"),
    ("a line", lambda s: s.rule_with("/a\nserver x"), "ValidationError", "not a valid path-pattern"),
    ("braces", lambda s: s.rule_with("/a{b}"), "ValidationError", "not a valid path-pattern"),
    ("long", lambda s: s.rule_with("/" + "a" * 128), "ValidationError", "not a valid path-pattern"),
    ("empty", lambda s: s.rule_with(""), "ValidationError", "not a valid path-pattern"),
    ("host", lambda s: s.rule_with(hosts=("a/b",)), "ValidationError", "not a valid host-header"),
    ("no rule", lambda s: b.ModifyRule("x"), "RuleNotFound", "One or more rules not found"),
    ("no rule", lambda s: b.DeleteRule("x"), "RuleNotFound", "One or more rules not found"),
    ("bare rule", lambda s: b.ModifyRule(s.rule, paths=()), "ValidationError", "A condition must be specified"),
    ("no group", lambda s: b.ModifyTargetGroup("x", CHECK), "TargetGroupNotFound", "One or more target groups"),
    ("no group", lambda s: b.ModifyTargetGroupAttributes("x", ()), "TargetGroupNotFound", "target groups not found"),
    ("tags", lambda s: b.AddTags((s.front,), (("k", "1"), ("k", "2"))), "DuplicateTagKeys", "more than once"),
    (
        "many tags",
        lambda s: b.AddTags((s.free, s.front), tuple((f"k{n}", "") for n in range(51))),
        "TooManyTags",
        "50",
    ),
    ("tags of nothing", lambda s: b.AddTags((s.free, "a:b"), ()), "ValidationError", "is not a valid ARN"),
    ("name", lambda s: b.CreateLoadBalancer(REGION, "internal-x"), "ValidationError", "cannot begin with 'internal-'"),
]


@pytest.mark.parametrize(
    ("what", "ask", "code", "said"), REFUSED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_is_refused_changes_nothing(
    world: World, what: str, ask: Callable[[Scene], Message], code: str, said: str
) -> None:
    scene = Scene(world)
    before = world.everything()
    with pytest.raises(EcsError) as caught:
        world.do(ask(scene))
    assert caught.value.code == code
    assert said in caught.value.message
    assert world.everything() == before


def test_tags_are_added_replaced_and_removed_on_all_kinds_of_things(world: World) -> None:
    scene = Scene(world)
    arns = (scene.group, scene.front, scene.listener, scene.rule)
    world.do(b.AddTags(arns, (("team", "a"), ("stage", "test"))))
    world.do(b.AddTags(arns, (("team", "b"),)))
    world.do(b.RemoveTags(arns, ("stage", "never there")))
    state = world.state
    tagged = (
        state.target_groups[scene.group],
        state.load_balancers[scene.front],
        state.listeners[scene.listener],
        state.rules[scene.rule],
    )
    assert [item.tags for item in tagged] == [(("team", "b"),)] * 4


def test_what_is_created_and_ended_is_told(world: World) -> None:
    group: TargetGroup = world.state.target_groups[world.group()]
    front = world.load_balancer()
    listener = world.listener(front, 80, group.arn)
    world.do(b.DeleteListener(listener))
    world.do(b.DeleteLoadBalancer(front))
    world.do(b.DeleteTargetGroup(group.arn))
    assert [(str(event.type), event.message) for event in world.told] == [
        ("TARGET_GROUP_CREATED", "target group web: targets are checked at /"),
        ("LOAD_BALANCER_CREATED", "load balancer front will answer at http://127.0.0.1:8480/ once it has a listener"),
        ("LISTENER_CREATED", "load balancer front listens on port 80: here that is http://127.0.0.1:8480/"),
        ("LISTENER_DELETED", "load balancer front does not listen on port 80 any more"),
        ("LOAD_BALANCER_DELETED", "load balancer front is deleted"),
        ("TARGET_GROUP_DELETED", "target group web is deleted"),
    ]
