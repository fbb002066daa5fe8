"""Faults of the API itself: which calls are answered with an error in place of their answer, and with which.

What holds is in State (`core/faulting.py`, BrokenAnswer); never here: our own operations and FIS, by which faults are
undone.
"""

from __future__ import annotations

from collections.abc import Callable

from chaos_ecs.api import protocol, query
from chaos_ecs.api.errors import Refused
from chaos_ecs.chaos.fault import Fault
from chaos_ecs.chaos.faults.control_plane import ApiFault
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.faulting import BrokenAnswer, InjectedFault, broken_answers

_UNDO = "This is a fault: chaos-ecs chaos status tells which, chaos-ecs chaos undo --all ends it."

# By the fault's error, then by the service that is called: status, code, message. `ecs` stands for all JSON services.
_ANSWERS: dict[tuple[str, str], tuple[int, str, str]] = {
    ("ThrottlingException", "ecs"): (400, "ThrottlingException", "Rate exceeded."),
    ("InternalError", "ecs"): (500, "ServerException", "Service Unavailable. Please try again later."),
    ("ServiceUnavailable", "ecs"): (503, "ServiceUnavailableException", "The service is unavailable."),
    ("ThrottlingException", "elasticloadbalancing"): (400, "Throttling", "Rate exceeded."),
    ("InternalError", "elasticloadbalancing"): (500, "InternalFailure", "An internal error has occurred."),
    ("ServiceUnavailable", "elasticloadbalancing"): (503, "ServiceUnavailable", "The service is unavailable."),
}


class Breakage:
    """Asked about each call, on one thread. Of 30 % every third or fourth call is broken, evenly: no dice, so that a
    lesson repeats."""

    def __init__(self, faults: Callable[[], tuple[InjectedFault, ...]]) -> None:
        self._faults = faults
        self._calls: dict[BrokenAnswer, int] = {}

    def check(self, service: str, operation: str) -> None:
        """Raises Refused when a fault answers this call of a service, by its signing name."""
        faults = self._faults()
        if not faults:
            self._calls.clear()
            return
        for broken in broken_answers(faults):
            if broken.service == service and (not broken.operations or operation in broken.operations):
                calls = self._calls[broken] = self._calls.get(broken, 0) + 1
                if calls * broken.percentage // 100 > (calls - 1) * broken.percentage // 100:
                    status, code, message = _ANSWERS[broken.error, service]
                    raise Refused(status, code, message if broken.is_secret else f"{message} {_UNDO}")


def check_operations(fault: Fault) -> None:
    """Raises InvalidParameterException for operations that the service does not have: none of their calls would ever
    be answered with the fault's error."""
    if not isinstance(fault, ApiFault):
        return
    known = query.elbv2().operation_names if fault.service == "elasticloadbalancing" else protocol.ecs().operation_names
    if unknown := [name for name in fault.named_operations if name not in known]:
        raise InvalidParameterException(
            f"operations: {fault.service} has no operation {unknown[0][:64]}. They are spelled as in its API: "
            "DescribeServices."
        )
