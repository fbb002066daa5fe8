"""Which faults are open, and on whom, so that nobody has to search all of them. Kept by `State` alone."""

from __future__ import annotations

from collections import OrderedDict

from chaos_ecs.core.faulting import InjectedFault
from chaos_ecs.core.recipe import Means


class FaultIndex:
    """`on` has the ids of the open faults of a task, or of a service or a container instance as a whole; `ended` those
    that are over, oldest first; `control` the open ones of the control plane, as one value that is replaced, never
    changed: another thread may read it."""

    def __init__(self) -> None:
        self.on: dict[str, dict[str, None]] = {}
        self.ended: OrderedDict[str, None] = OrderedDict()
        self.control: tuple[InjectedFault, ...] = ()

    def put(self, fault: InjectedFault) -> None:
        self._put_control(fault)
        if fault.is_over:
            self._close(fault)
            self.ended[fault.id] = None
            return
        for arn in _victims_of(fault):
            self.on.setdefault(arn, {})[fault.id] = None

    def remove(self, fault: InjectedFault) -> None:
        self._close(fault)
        self.ended.pop(fault.id, None)
        self.control = tuple(other for other in self.control if other.id != fault.id)

    def _close(self, fault: InjectedFault) -> None:
        for arn in _victims_of(fault):
            self.on.get(arn, {}).pop(fault.id, None)
            if not self.on.get(arn, True):
                del self.on[arn]

    def _put_control(self, fault: InjectedFault) -> None:
        is_control = any(hit.recipe.means is Means.CONTROL for hit in fault.hits)
        others = tuple(other for other in self.control if other.id != fault.id)
        if is_control or len(others) != len(self.control):
            self.control = others if fault.is_over else (*others, fault)


def _victims_of(fault: InjectedFault) -> dict[str, None]:
    return dict.fromkeys(hit.task_arn or hit.service_arn or hit.instance_arn for hit in fault.hits)
