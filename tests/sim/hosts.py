"""Container instances in a simulation: made, looked at, and what must hold of them after every step."""

from __future__ import annotations

from collections import Counter

from chaos_ecs.core.arns import container_instance_arn
from chaos_ecs.core.container_instances import ContainerInstance, ContainerInstanceStatus, built_in_attributes
from chaos_ecs.core.deploying import DeploymentConfiguration
from chaos_ecs.core.instance_messages import RegisterContainerInstance, SetContainerInstanceStatuses
from chaos_ecs.core.messages import CreateService, EventType
from chaos_ecs.core.model import Task
from chaos_ecs.core.placement_rules import PlacementWishes, Words
from chaos_ecs.core.state import State
from chaos_ecs.sim.simulation import Simulation
from tests.builders import CLUSTER, WEB, a_container, a_simulation, registered, running

ZONE = "us-east-1"
NOWHERE = container_instance_arn(CLUSTER, "none")


def a_host(
    simulation: Simulation,
    name: str,
    *,
    engine: str = "",
    memory: int = 4096,
    cpu: int = 2048,
    attributes: tuple[tuple[str, str], ...] = (),
) -> str:
    """Registers a container instance; its ARN. The first letter of its name is that of its zone."""
    command = registration(simulation, name, engine=engine, memory=memory, cpu=cpu, attributes=attributes)
    simulation.submit(command).result(0)
    return host(simulation, name).arn


def registration(
    simulation: Simulation,
    name: str,
    *,
    engine: str = "",
    memory: int = 4096,
    cpu: int = 2048,
    attributes: tuple[tuple[str, str], ...] = (),
) -> RegisterContainerInstance:
    if engine:
        simulation.further.named(engine)
    built_in = built_in_attributes(availability_zone=ZONE + name[0], instance_type="t3.micro")
    address = "10.9.0.1" if engine else ""
    return RegisterContainerInstance(CLUSTER, name, cpu, memory, (*built_in, *attributes), engine, address)


def host(simulation: Simulation, name: str) -> ContainerInstance:
    return next(found for found in simulation.state.instances_in(CLUSTER) if found.name == name)


def hosted(names: str, *, seed: int = 1, memory: int = 4096, **arguments: object) -> Simulation:
    """A simulation whose cluster has these container instances, such as "a1 a2 b1"."""
    simulation = a_simulation(seed, **arguments)
    simulation.after_step = lambda: check_hosts(simulation.state)
    for name in names.split():
        a_host(simulation, name, memory=memory)
    return simulation


def a_placed_service(
    simulation: Simulation,
    desired_count: int,
    *,
    arn: str = WEB,
    definition: str = "",
    limits: DeploymentConfiguration | None = None,
    strategies: Words = (),
    constraints: Words = (),
    rebalances: bool = False,
    is_daemon: bool = False,
    launch_type: str = "EC2",
) -> str:
    """Creates a service whose tasks are placed; its ARN."""
    command = CreateService(
        arn,
        CLUSTER,
        definition or registered(simulation, a_container("web-server"), family="placed"),
        desired_count,
        launch_type=launch_type,
        deployment_configuration=limits or DeploymentConfiguration(),
        placement=PlacementWishes(strategies, constraints, is_daemon=is_daemon, rebalances=rebalances),
    )
    simulation.submit(command).result(0)
    return arn


def set_status(simulation: Simulation, names: str, status: ContainerInstanceStatus) -> None:
    for name in names.split():
        simulation.submit(SetContainerInstanceStatuses((host(simulation, name).arn,), status)).result(0)


def drain(simulation: Simulation, names: str) -> None:
    set_status(simulation, names, ContainerInstanceStatus.DRAINING)


def activate(simulation: Simulation, names: str) -> None:
    set_status(simulation, names, ContainerInstanceStatus.ACTIVE)


def name_of_host(simulation: Simulation, task: Task) -> str:
    found = simulation.state.container_instances.get(task.container_instance_arn)
    return found.name if found else ""


def shares(simulation: Simulation, service_arn: str = WEB) -> dict[str, int]:
    """How many running tasks of the service each container instance has, by its name."""
    return dict(sorted(Counter(name_of_host(simulation, task) for task in running(simulation, service_arn)).items()))


def zones(simulation: Simulation, service_arn: str = WEB) -> dict[str, int]:
    """The same by zone."""
    return dict(
        sorted(Counter(name_of_host(simulation, task)[:1] for task in running(simulation, service_arn)).items())
    )


def told(simulation: Simulation, type_: EventType) -> list[str]:
    return [event.message for event in simulation.events if event.type is type_]


def check_hosts(state: State) -> None:
    """No container instance is overbooked, no port is taken twice, and no live task is on one that is forgotten."""
    for instance in state.container_instances.values():
        live = [task for task in state.tasks_on(instance.arn) if not task.is_stopped]
        assert sum(task.needs.memory for task in live) <= instance.memory, f"{instance.name} is overbooked"
        assert sum(task.needs.cpu for task in live) <= instance.cpu, f"{instance.name} is overbooked"
        ports = Counter(port for task in live for port in task.needs.ports)
        assert all(count == 1 for count in ports.values()), f"a port of {instance.name} is taken twice"
    for task in (*state.tasks.values(), *state.standbys.values()):
        is_known = not task.container_instance_arn or task.container_instance_arn in state.container_instances
        assert task.is_stopped or is_known, f"{task.arn} is on a container instance that is forgotten"
