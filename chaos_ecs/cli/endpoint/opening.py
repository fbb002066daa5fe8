"""The way to an ECS API that is not ours: what is asked before the first call, the banner, and the confirmation."""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.cli.endpoint.api import LOOK_EVERY_SECONDS, EcsApi
from chaos_ecs.cli.endpoint.calls import Calls
from chaos_ecs.cli.endpoint.place import Place
from chaos_ecs.cli.shell import Shell
from chaos_ecs.errors import ChaosEcsError


def opened(shell: Shell, place: Place) -> EcsApi:
    """The API, after a banner that says whose it is. Raises E-NO-CLUSTER where none was named."""
    if not shell.cluster:
        what = f"With --endpoint {place.endpoint} a cluster must be named"
        why = "a default, or CHAOS_ECS_CLUSTER, could be the wrong one in a real account; nothing was called"
        raise ChaosEcsError("E-NO-CLUSTER", what, why, f"chaos-ecs {place.options} --cluster NAME ps", 2)
    calls = Calls(place, shell.environment)
    account = calls.account()
    if not account:
        account = _of_its_cluster(calls, shell.cluster)
    gate = Gate(shell, place, f"cluster {shell.cluster} of account {account}, region {calls.region}")
    whose = f"account {account}, region {calls.region}, cluster {shell.cluster}, {calls.whose}"
    shell.say(f"{_where(place)}: {whose}")
    return EcsApi(place, shell.cluster, calls.ecs, gate.pass_, url=calls.url, patience=LOOK_EVERY_SECONDS)


def _where(place: Place) -> str:
    if place.is_aws:
        return "REAL AMAZON ECS, which costs real money"
    return f"ANOTHER ECS API, at {place.endpoint}"


def _of_its_cluster(calls: Calls, cluster: str) -> str:
    """The account in the cluster's ARN, for a place without STS; "unknown" where there is no such cluster either."""
    found = calls.ecs("DescribeClusters", {"clusters": [cluster]})["clusters"]
    return str(found[0]["clusterArn"]).split(":")[4] if found else "unknown"


@dataclass
class Gate:
    """Before the first change of a command somebody types the cluster's name, or has said --yes."""

    shell: Shell
    place: Place
    where: str
    is_open: bool = False

    def pass_(self, what: str) -> None:
        """Raises E-NOT-CONFIRMED (exit 5): nothing was changed."""
        if self.is_open or self.shell.agreed:
            self.is_open = True
            return
        question = f"{what} in {self.where}. Type the cluster's name to go on: "
        if not self.shell.asks:
            why = f"{what} wants a confirmation, and there is no terminal to type it in"
            raise self._refused(why)
        if self.shell.answer(question).strip() != self.shell.cluster:
            raise self._refused(f"what was typed is not {self.shell.cluster}")
        self.is_open = True

    def _refused(self, why: str) -> ChaosEcsError:
        return ChaosEcsError("E-NOT-CONFIRMED", f"Nothing was changed in {self.where}", why, "The same with --yes", 5)
