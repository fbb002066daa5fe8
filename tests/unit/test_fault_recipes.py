"""The faults that hurt a task's network and what it runs on: their parameters, what they refuse, what they do."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from chaos_ecs.chaos.fault import EVERYTHING, Abilities, Ability, Fault, Victim
from chaos_ecs.chaos.faults import cutting, network, resources
from chaos_ecs.chaos.lacking import recipe_for
from chaos_ecs.chaos.parameters import made, parameters_of
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.recipe import Joins, Means, Recipe, Symptom

REASON = "the kernel has no such queue (Specified qdisc kind is unknown)"

CATALOGUE: dict[type[Fault], tuple[str, str, dict[str, str | None]]] = {
    network.NetworkLatency: (
        "network-latency",
        "aws:ecs:task-network-latency",
        {
            "duration": "PT30S",
            "delayMilliseconds": "200",
            "jitterMilliseconds": "10",
            "flowsPercent": "100",
            "sources": "ALL",
            "exceptSources": "",
        },
    ),
    network.NetworkPacketLoss: (
        "network-packet-loss",
        "aws:ecs:task-network-packet-loss",
        {"duration": "PT30S", "lossPercent": "7", "flowsPercent": "100", "sources": "ALL", "exceptSources": ""},
    ),
    cutting.NetworkBlackholePort: (
        "network-blackhole-port",
        "aws:ecs:task-network-blackhole-port",
        {"duration": "PT30S", "port": None, "trafficType": "ingress", "protocol": "tcp", "exceptSources": ""},
    ),
    cutting.NetworkReject: (
        "network-reject",
        "chaos-ecs:task-network-reject",
        {"duration": "PT30S", "port": None},
    ),
    network.NetworkRate: (
        "network-rate",
        "chaos-ecs:task-network-rate",
        {"duration": "PT30S", "rate": "1mbit", "burst": "32kbit", "latency": "400ms"},
    ),
    network.NetworkCorrupt: (
        "network-corrupt",
        "chaos-ecs:task-network-corrupt",
        {"duration": "PT30S", "percent": "5", "correlation": "0"},
    ),
    network.NetworkDuplicate: (
        "network-duplicate",
        "chaos-ecs:task-network-duplicate",
        {"duration": "PT30S", "percent": "5", "correlation": "0"},
    ),
    network.NetworkReorder: (
        "network-reorder",
        "chaos-ecs:task-network-reorder",
        {"duration": "PT30S", "percent": "5", "correlation": "0"},
    ),
    cutting.NetworkPartition: (
        "network-partition",
        "chaos-ecs:network-partition",
        {"duration": "PT30S", "to": None},
    ),
    cutting.NetworkDisconnect: (
        "network-disconnect",
        "chaos-ecs:task-network-disconnect",
        {"duration": "PT30S", "network": "ALL"},
    ),
    cutting.DnsFailure: ("dns-failure", "chaos-ecs:task-dns-failure", {"duration": "PT30S", "mode": "drop"}),
    resources.Pause: ("pause", "chaos-ecs:task-pause", {"duration": "PT30S"}),
    resources.Hang: ("hang", "chaos-ecs:task-hang", {"duration": "PT30S"}),
    resources.Oom: ("oom", "chaos-ecs:task-oom", {"step": "8", "timeout": "PT1M"}),
    resources.CpuStress: (
        "cpu-stress",
        "aws:ecs:task-cpu-stress",
        {"duration": "PT30S", "percent": "100", "workers": "0"},
    ),
    resources.CpuThrottle: (
        "cpu-throttle",
        "chaos-ecs:task-cpu-throttle",
        {"duration": "PT30S", "percent": "10"},
    ),
    resources.MemoryStress: (
        "memory-stress",
        "chaos-ecs:task-memory-stress",
        {"duration": "PT30S", "percent": "80", "workers": "1"},
    ),
    resources.IoStress: (
        "io-stress",
        "aws:ecs:task-io-stress",
        {"duration": "PT30S", "percent": "80", "workers": "1"},
    ),
    resources.DiskFill: (
        "disk-fill",
        "chaos-ecs:task-disk-fill",
        {"duration": "PT30S", "bytes": "134217728", "path": "/"},
    ),
    resources.PidsExhaust: (
        "pids-exhaust",
        "chaos-ecs:task-pids-exhaust",
        {"duration": "PT30S", "limit": "0"},
    ),
    resources.KillProcess: (
        "kill-process",
        "aws:ecs:task-kill-process",
        {"processName": None, "signal": "SIGTERM"},
    ),
}
REQUIRED = {"port": "8080", "to": "orders", "processName": "httpd"}


def without(*abilities: Ability) -> Abilities:
    return {**EVERYTHING, **dict.fromkeys(abilities, REASON)}


def a_victim(**known: Any) -> Victim:
    defaults: dict[str, Any] = {"address": "172.18.0.3", "ports": (8080,), "memory": 64, "peers": ("172.18.0.4",)}
    return Victim(task="0f3a9c", container="app", **(defaults | known))


def a_fault(kind: type[Fault], **given: str) -> Fault:
    known = {parameter.name for parameter in parameters_of(kind)}
    return made(kind, {name: value for name, value in REQUIRED.items() if name in known} | given)


def recipe(fault: Fault, **known: Any) -> Recipe:
    return recipe_for(fault, a_victim(**known))


def refusal(fault: Fault, **known: Any) -> str:
    with pytest.raises(InvalidParameterException) as refused:
        recipe(fault, **known)
    return refused.value.message


# --- all of them ---


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: kind.__name__)
def test_a_fault_has_its_name_its_id_and_its_parameters_with_their_defaults(kind: type[Fault]) -> None:
    name, action_id, parameters = CATALOGUE[kind]
    assert (kind.name, kind.action_id) == (name, action_id)
    assert {parameter.name: parameter.default for parameter in parameters_of(kind)} == parameters


def test_the_catalogue_of_this_test_knows_every_fault_of_its_families() -> None:
    families = [
        found for module in (cutting, network, resources) for found in vars(module).values() if inspect.isclass(found)
    ]
    assert {found for found in families if issubclass(found, Fault) and found is not Fault} == set(CATALOGUE)


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: kind.__name__)
def test_a_fault_says_what_it_does(kind: type[Fault]) -> None:
    says = a_fault(kind).describe()
    assert re.fullmatch(r"[a-z].*[^.]", says)
    assert ("duration" not in CATALOGUE[kind][2]) or says.endswith("for 30 s"), says
    assert (kind.__doc__ or "").split("\n")[0].endswith(".")


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: kind.__name__)
def test_what_is_held_is_measured_and_can_be_undone_and_needs_no_more_than_one_or_two_capabilities(
    kind: type[Fault],
) -> None:
    found = recipe(a_fault(kind))
    if found.means is Means.HOLD:
        assert found.probe.startswith("probe ")
        assert found.joins
        assert set(found.capabilities) <= {"NET_ADMIN", "SYS_PTRACE", "DAC_OVERRIDE", "KILL"}
        assert Ability.HELPER in kind.needs
        assert found.undo or found.background or kind is resources.KillProcess


@pytest.mark.parametrize("kind", CATALOGUE, ids=lambda kind: kind.__name__)
def test_a_fault_is_refused_where_the_engine_lacks_all_that_it_could_use(kind: type[Fault]) -> None:
    if kind.needs:
        text = refusal(a_fault(kind), abilities=without(*Ability))
        assert text.startswith(f"{kind.name} cannot be injected on this engine. It needs ")
        assert REASON in text


# --- network ---


def test_what_only_netem_can_do_is_refused_without_it_and_says_why() -> None:
    text = refusal(network.NetworkCorrupt(), abilities=without(Ability.NETEM))
    assert text == (
        "network-corrupt cannot be injected on this engine. It needs the kernel's queue netem: the kernel has no such "
        "queue (Specified qdisc kind is unknown)."
    )


@pytest.mark.parametrize(
    ("fault", "discipline"),
    [
        (network.NetworkLatency(), "netem delay 200ms 10ms"),
        (network.NetworkPacketLoss(), "netem loss 7%"),
        (network.NetworkCorrupt(), "netem corrupt 5% 0%"),
        (network.NetworkDuplicate(percent=7, correlation=25), "netem duplicate 7% 25%"),
        (network.NetworkReorder(), "netem delay 20ms reorder 5% 0%"),
        (network.NetworkRate(), "tbf rate 1mbit burst 32kbit latency 400ms"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_a_queue_has_the_number_of_its_fault_and_only_that_is_removed(fault: Fault, discipline: str) -> None:
    found = recipe(fault)
    assert found.do[-1] == f'tc qdisc add dev "$DEVICE" root handle "$NUMBER:" {discipline}'
    assert found.undo == (
        '! tc qdisc show dev "$DEVICE" | grep -q " $NUMBER: root" || tc qdisc del dev "$DEVICE" root handle "$NUMBER:"',
    )


def test_a_blackhole_is_a_chain_of_its_own_hooked_in_last_and_unhooked_first() -> None:
    found = recipe(cutting.NetworkBlackholePort(port=8080))
    assert found.do == (
        'iptables -w -t filter -N "CECS-$TAG"',
        'iptables -w -t filter -A "CECS-$TAG" -p tcp --dport 8080 -j DROP',
        'iptables -w -t filter -I INPUT -j "CECS-$TAG"',
    )
    assert found.undo == (
        "iptables -w -t filter -S >/dev/null",
        '! iptables -w -t filter -C INPUT -j "CECS-$TAG" 2>/dev/null || iptables -w -t filter -D INPUT -j "CECS-$TAG"',
        (
            '! iptables -w -t filter -n -L "CECS-$TAG" >/dev/null 2>&1 || '
            '{ iptables -w -t filter -F "CECS-$TAG" && iptables -w -t filter -X "CECS-$TAG"; }'
        ),
    )
    assert (found.joins, found.capabilities) == ((Joins.NETWORK,), ("NET_ADMIN",))


@pytest.mark.parametrize(
    ("fault", "symptom"),
    [
        (cutting.NetworkBlackholePort(port=8080), Symptom.SILENT),
        (cutting.NetworkBlackholePort(port=8081), Symptom.NONE),
        (cutting.NetworkBlackholePort(port=8080, protocol="udp"), Symptom.NONE),
        (cutting.NetworkBlackholePort(port=8080, traffic_type="egress"), Symptom.NONE),
        (cutting.NetworkReject(port=8080), Symptom.REFUSES),
        (cutting.NetworkReject(port=8081), Symptom.NONE),
        (network.NetworkPacketLoss(loss_percent=100), Symptom.SILENT),
        (network.NetworkPacketLoss(loss_percent=99), Symptom.NONE),
        (cutting.NetworkDisconnect(), Symptom.CUT_OFF),
    ],
)
def test_others_see_what_becomes_of_a_port_that_the_task_serves(fault: Fault, symptom: Symptom) -> None:
    assert recipe(fault).symptom is symptom


def test_without_netem_latency_is_a_proxys_for_what_comes_in_and_what_goes_out() -> None:
    found = recipe(network.NetworkLatency(), abilities=without(Ability.NETEM))
    assert found.background.startswith("exec python3 /chaos/proxy.py 200 10 --mark 0xce00 ")
    rules = [line.partition('-A "CECS-$TAG" ')[2] for line in found.do if " -A " in line]
    assert rules == [
        "-m mark --mark 0xce00 -j RETURN",
        "-p tcp -m mark --mark 0xce01 -j REDIRECT --to-ports $(cat /tmp/proxy)",
        '-i "$DEVICE" -p tcp -j REDIRECT --to-ports $(cat /tmp/proxy)',
        '-o "$DEVICE" -p tcp -j REDIRECT --to-ports $(cat /tmp/proxy)',
    ]
    assert found.do[-1] == "ss -K -H -t state established '( not src 127.0.0.0/8 )'"
    assert found.probe == "probe latency 200 10"


@pytest.mark.parametrize("given", [{"flowsPercent": "30"}, {"sources": "10.0.0.7, 10.1.2.3/16"}])
def test_the_proxy_is_used_with_netem_too_where_only_some_of_the_traffic_is_meant(given: dict[str, str]) -> None:
    fault = made(network.NetworkLatency, given)
    assert "proxy.py" in recipe(fault).background
    assert (
        ("--flows 30" in recipe(fault).background) == ("--flows 30" in recipe(fault).probe) == ("sources" not in given)
    )
    text = refusal(fault, abilities=without(Ability.REDIRECT))
    assert text.startswith("network-latency cannot be injected on this engine. It needs iptables' target REDIRECT: ")


def test_sources_are_the_others_on_both_ways() -> None:
    found = recipe(network.NetworkLatency(sources="10.0.0.7,10.1.2.3/16"))
    assert [line.split('"CECS-$TAG" ')[1].split(" -j ")[0] for line in found.do if "$DEVICE" in line] == [
        '-i "$DEVICE" -p tcp -s 10.0.0.7/32',
        '-i "$DEVICE" -p tcp -s 10.1.0.0/16',
        '-o "$DEVICE" -p tcp -d 10.0.0.7/32',
        '-o "$DEVICE" -p tcp -d 10.1.0.0/16',
    ]
    assert found.do[-1].endswith("'( dst 10.0.0.7/32 or dst 10.1.0.0/16 )'")
    assert found.probe.endswith(" --sources 10.0.0.7/32,10.1.0.0/16")
    assert recipe(network.NetworkLatency(sources="0.0.0.0/0")) == recipe(network.NetworkLatency())


@pytest.mark.parametrize("kind", [network.NetworkLatency, network.NetworkPacketLoss])
@pytest.mark.parametrize("sources", ["S3", "example.com", "10.0.0.7;reboot", "fe80::1", "", "10.0.0.7,"])
def test_sources_that_are_no_addresses_are_refused_before_anything_is_run(kind: type[Fault], sources: str) -> None:
    with pytest.raises(InvalidParameterException, match=r"is no IPv4 address or range: write ALL, 10.0.0.7 or"):
        made(kind, {"sources": sources})


def test_without_netem_loss_is_of_what_comes_in_from_outside() -> None:
    found = recipe(network.NetworkPacketLoss(), abilities=without(Ability.NETEM))
    assert found.do[1:] == (
        'iptables -w -t filter -A "CECS-$TAG" -m statistic --mode random --probability 0.07 -j DROP',
        'iptables -w -t filter -I INPUT ! -i lo -j "CECS-$TAG"',
    )


def test_loss_in_some_connections_draws_once_for_each_and_writes_it_down() -> None:
    found = recipe(network.NetworkPacketLoss(loss_percent=50, flows_percent=20))
    assert [line.partition('"CECS-$TAG" ')[2] for line in found.do if " -A " in line] == [
        (
            "-m connmark ! --mark 0xce${NUMBER}00/0xffffff00 -m statistic --mode random --probability 0.2 "
            "-j CONNMARK --set-mark 0xce${NUMBER}01"
        ),
        "-m connmark ! --mark 0xce${NUMBER}00/0xffffff00 -j CONNMARK --set-mark 0xce${NUMBER}02",
        "-m connmark --mark 0xce${NUMBER}01 -m statistic --mode random --probability 0.5 -j DROP",
    ]
    assert found.probe == "probe loss 50 --flows 20"


def test_a_partition_is_from_each_peer_both_ways_and_never_from_itself() -> None:
    found = recipe(cutting.NetworkPartition(to="orders"), peers=("172.18.0.4", "172.18.0.3"))
    assert [line.partition('"CECS-$TAG" ')[2] for line in found.do if " -A " in line] == [
        "-s 172.18.0.4 -j DROP",
        "-d 172.18.0.4 -j DROP",
    ]
    assert found.probe == "probe peers 172.18.0.4"


@pytest.mark.parametrize("peers", [(), ("172.18.0.3",)])
def test_a_partition_from_nobody_is_refused(peers: tuple[str, ...]) -> None:
    text = refusal(cutting.NetworkPartition(to="orders"), peers=peers)
    assert text == "to 'orders': no other task that runs there has an address."


def test_questions_for_names_are_told_by_the_port_they_were_meant_for() -> None:
    dropped, refused = (recipe(cutting.DnsFailure(mode=mode)).do for mode in ("drop", "refuse"))
    assert (
        'iptables -w -t filter -A "CECS-$TAG" -i lo -p udp -m conntrack --ctorigdstport 53 --ctdir ORIGINAL'
        in (dropped[1])
    )
    assert not any("OUTPUT" in line and "DROP" in line for line in dropped)
    assert any(line.endswith("-p tcp --dport 53 -j REJECT --reject-with tcp-reset") for line in refused)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rate": "fast"}, "rate 'fast' is no amount as tc writes it: 500kbit or 1mbit."),
        ({"rate": "1mbit; reboot"}, "rate '1mbit; reboot' is no amount as tc writes it: 500kbit or 1mbit."),
        ({"rate": "0kbit"}, "rate '0kbit' is no amount as tc writes it: 500kbit or 1mbit."),
        ({"burst": "8kbit"}, "burst '8kbit' must hold one packet at least: 16kbit or more."),
        ({"latency": "soon"}, "latency 'soon' is no time as tc writes it: 400ms or 1s."),
    ],
)
def test_amounts_that_tc_would_not_take_are_refused_beforehand(given: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidParameterException) as refused:
        made(network.NetworkRate, given)
    assert refused.value.message == says


def test_a_network_can_be_named_to_be_taken_out_of() -> None:
    assert recipe(cutting.NetworkDisconnect()).do == ()
    assert recipe(cutting.NetworkDisconnect(network="blue")).do == ("blue",)


# --- resources ---


@pytest.mark.parametrize(
    ("fault", "means", "symptom"),
    [
        (resources.Pause(), Means.FREEZE, Symptom.FROZEN),
        (resources.Hang(), Means.STALL, Symptom.SILENT),
        (resources.Oom(), Means.EXEC, Symptom.OUT_OF_MEMORY),
        (resources.CpuStress(), Means.HOLD, Symptom.NONE),
        (resources.CpuThrottle(), Means.LIMIT, Symptom.NONE),
        (resources.MemoryStress(), Means.HOLD, Symptom.NONE),
        (resources.PidsExhaust(), Means.LIMIT, Symptom.NONE),
        (resources.KillProcess(process_name="httpd"), Means.HOLD, Symptom.ENDS),
    ],
)
def test_each_is_carried_out_by_its_means_and_has_its_symptom(fault: Fault, means: Means, symptom: Symptom) -> None:
    found = recipe(fault)
    assert (found.means, found.symptom) == (means, symptom)
    assert found.is_deadly is (symptom in (Symptom.ENDS, Symptom.OUT_OF_MEMORY))


@pytest.mark.parametrize("fault", [resources.Oom(), resources.MemoryStress()], ids=lambda fault: fault.name)
def test_what_goes_by_the_memory_limit_is_refused_where_there_is_none(fault: Fault) -> None:
    assert refusal(fault, memory=None) == (
        f"{fault.name} goes by the memory limit of app of task 0f3a9c, and it has none: set memory in its container "
        "definition."
    )


def test_out_of_memory_grows_beyond_the_limit_in_steps_and_gives_up_after_a_while() -> None:
    found = recipe(resources.Oom(step=16, timeout=20), memory=128)
    assert found.do[0] == "echo 1000 >/proc/1/oom_score_adj"
    assert found.do[1].startswith("for n in $(seq 12); do sh -c ")
    assert " chaos-ecs-oom 16 20 & " in found.do[1]
    assert found.probe_seconds == 20
    assert resources.Oom().seconds == 0


def test_a_throttle_is_a_quota_that_leaves_less_than_the_task_has() -> None:
    assert recipe(resources.CpuThrottle(percent=25)).do == ("CpuQuota=25000", "CpuPeriod=100000")
    assert refusal(resources.CpuThrottle(percent=25), cpu=256) == (
        "percent 25: app of task 0f3a9c has 25 % of a CPU as it is, so that would be no throttle."
    )


def test_a_load_is_measured_by_what_the_task_may_take_at_most() -> None:
    assert recipe(resources.CpuStress(percent=50, workers=2), cpu=256).probe == "probe cpu 50 2 --most 25"
    assert recipe(resources.CpuStress()).probe == "probe cpu 100 0"


def test_a_load_counts_as_the_tasks_own() -> None:
    for fault in (resources.CpuStress(), resources.MemoryStress()):
        assert recipe(fault).joins == (Joins.CGROUP, Joins.PROCESSES)


def test_where_no_helper_can_count_as_the_tasks_own_the_load_is_run_in_the_task() -> None:
    found = recipe(resources.CpuStress(workers=2), abilities=without(Ability.CGROUP))
    assert found.means is Means.EXEC
    assert found.do[0].startswith("for n in $(seq 2); do sh -c ")
    assert " chaos-ecs-cpu 30 </dev/null " in found.do[0]
    assert "chaos-ecs-cp[u]" in found.undo[0]
    assert refusal(resources.CpuStress(percent=50), abilities=without(Ability.CGROUP)) == (
        "percent 50: on this engine the load is a loop in the task itself, which takes all it gets: only percent 100 "
        "can be had."
    )
    assert refusal(resources.MemoryStress(workers=2), abilities=without(Ability.CGROUP)).startswith("workers 2: ")


@pytest.mark.parametrize(("limit", "goal"), [(64, 51), (40, 27), (1000, 800)])
def test_memory_is_filled_up_to_its_percentage_but_for_what_measuring_needs(limit: int, goal: int) -> None:
    assert recipe(resources.MemoryStress(), memory=limit).probe == f"probe memory {limit} {goal}"


def test_a_disk_is_filled_by_a_file_whose_name_says_whose_it_is() -> None:
    found = recipe(resources.DiskFill(path="/var/da ta/"))
    assert found.do[0] == "head -c 134217728 /dev/zero >/proc/1/root'/var/da ta'\"/chaos-ecs-fill-$TAG\""
    assert found.undo == ("rm -f /proc/1/root'/var/da ta'\"/chaos-ecs-fill-$TAG\"",)
    assert found.capabilities == ("SYS_PTRACE", "DAC_OVERRIDE")
    assert recipe(resources.DiskFill()).capabilities == ("SYS_PTRACE",)


@pytest.mark.parametrize("path", ["tmp", "../etc", ""])
def test_a_path_that_does_not_begin_at_the_root_is_refused(path: str) -> None:
    with pytest.raises(InvalidParameterException, match=r"must be a folder of the container, from / on\."):
        made(resources.DiskFill, {"path": path})


def test_more_than_a_gibibyte_of_disk_is_refused() -> None:
    with pytest.raises(InvalidParameterException, match=r"bytes 1073741825 must be between"):
        made(resources.DiskFill, {"bytes": "1073741825"})


def test_not_one_process_more_is_a_limit_of_one() -> None:
    assert recipe(resources.PidsExhaust()).do == ("PidsLimit=1",)
    assert recipe(resources.PidsExhaust(limit=20)).do == ("PidsLimit=20",)


def test_a_process_is_named_as_one_word_and_signalled_by_a_signal_that_can_end_it() -> None:
    found = recipe(resources.KillProcess(process_name="a b; reboot", signal="sigkill"))
    assert found.do == ("signal-named 'a b; reboot' KILL",)
    assert found.capabilities == ("KILL",)
    with pytest.raises(InvalidParameterException, match=r"signal 'SIGSTOP' is none of: SIGTERM, SIGKILL, "):
        made(resources.KillProcess, {"processName": "httpd", "signal": "SIGSTOP"})
