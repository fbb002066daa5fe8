"""`chaos-ecs help`: pages of no single command: the environment, the exit codes. Held to the code by tests."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.text import folded
from chaos_ecs.config import DEFAULT_CLUSTER, DEFAULT_PACE, DEFAULT_PORT, DEFAULT_PROBE_RATE, DEFAULT_REGION
from chaos_ecs.errors import ChaosEcsError

ENVIRONMENT: tuple[tuple[str, str], ...] = (
    ("CHAOS_ECS_HOME", "the state folder (default: your data folder, such as ~/.local/share/chaos-ecs)"),
    ("CHAOS_ECS_PORT", f"the controller's port (default: {DEFAULT_PORT}, or the next free one)"),
    ("CHAOS_ECS_CLUSTER", f"the cluster (default: {DEFAULT_CLUSTER}); --cluster comes before it"),
    ("CHAOS_ECS_REGION", f"the region in ARNs and signatures (default: {DEFAULT_REGION})"),
    ("CHAOS_ECS_PACE", f"the scheduler's waits: demo, or aws as in the real ECS (default: {DEFAULT_PACE})"),
    (
        "CHAOS_ECS_PROBE",
        f"the controller's own client: requests a second to each listener (default: {DEFAULT_PROBE_RATE:g}), or off",
    ),
    ("CHAOS_ECS_EVENTS_TO", "files and http://ADDRESSes that events in EventBridge's shapes go to, a comma between"),
    ("NO_COLOR", "any value: no colours, like --no-color"),
    ("ACCESSIBLE", "1: on a terminal, sentences line by line instead of a live panel, like --accessible"),
    ("TERM", "dumb: no colours, no panel, no escape codes"),
)

EXIT_CODES: tuple[tuple[int, str, str], ...] = (
    (0, "done", "it is as you asked"),
    (1, "failed", "refused, not found, or the outcome is not what you asked for"),
    (2, "usage", "the command line, a setting or a file cannot be understood"),
    (
        3,
        "nothing matched",
        "nothing to kill, hit or continue, no such fault or schedule; controller status: it does not run",
    ),
    (4, "no engine", "no Docker engine answers"),
    (5, "refused", "it needs a yes: say --yes; or, to take the last healthy task of a service: --force"),
    (124, "too late", "what was waited for did not happen within --timeout"),
    (
        125,
        "run-task failed",
        "chaos-ecs itself could not run the task; else run-task ends with the container's own code",
    ),
    (130, "Ctrl-C", "you left before it was done"),
)

EXPERIMENTS: tuple[tuple[str, str], ...] = (
    ("a file", "a template of AWS FIS in YAML or JSON: description, targets, actions, stopConditions, tags and so on"),
    ("left out", "roleArn, clientToken, stopConditions and a target's cluster may be: they are filled in"),
    ("x-chaos-ecs", "what FIS has no word for: seed, steady-state-hypothesis, expect; all may be left out"),
    ("seed", "the same seed picks the same positions among the tasks; without it one is drawn, and told"),
    ("probes", "of the hypothesis, in Chaos Toolkit's spelling: name, provider, tolerance; asked before and after"),
    ("provider", "{type: http, url, method (GET or HEAD), headers, timeout}, or {type: chaos-ecs, func, arguments}"),
    ("func", "healthy-count {service}, steady {service}, availability {service, over: PT10S}"),
    ("refused", "the providers process and python: a file that one is given must not run programs"),
    (
        "tolerance",
        "a number, true or false, text, a list, {type: range, range, target}, {type: regex, pattern, target}",
    ),
    ("target", "of a tolerance: status or body; the types jsonpath and probe are not supported"),
    ("expect", "recoveredWithin: PT15S, standaloneReplaced: false, availability: 99.9 (of the controller's client)"),
    ("not measured", "is not met: an experiment of which something is not known does not pass"),
    ("samples", "lose-one.yaml, same-hit-twice.yaml; game days: first-game-day, network-game-day"),
    ("run it", "chaos-ecs chaos run FILE; first: --dry-run; for AWS: chaos-ecs chaos export FILE"),
    ("a game day", "a file with title, seed and rounds, played with chaos-ecs chaos gameday FILE"),
    ("a round", "name, brief, fault, parameters, selection, duration, atLeast, predictions, diagnosis, lesson"),
    ("selection", "{service: web, count: 1}, or {standalone: true, pattern: worker}, or all: true in place of count"),
    ("predictions", "[{ask, choices or number: true, measure or answer, within}]; diagnosis: {ask, choices, answer}"),
    (
        "measure",
        "replacements, tasks-lost, recovery-seconds, came-back, stop-code, exit-code, failed-requests, availability",
    ),
)

ALARMS: tuple[tuple[str, str], ...] = (
    ("an alarm", "stops an experiment, and what it did is undone: stopConditions [{source, value}]"),
    ("source", "aws:cloudwatch:alarm, or none"),
    ("value", "its ARN, of any region and account: arn:aws:cloudwatch:local:000000000000:alarm:NAME"),
    ("SERVICE-healthy-below-N", "fewer than N tasks of the service are healthy, such as web-healthy-below-2"),
    ("SERVICE-client-failing", "requests of the controller's client to the service fail"),
    ("looked at", "every half second, as long as the experiment runs; another name is refused"),
)

ENDPOINT: tuple[tuple[str, str], ...] = (
    ("--endpoint aws", "the real Amazon ECS, through the AWS CLI's own credentials; what runs there costs money"),
    ("--endpoint URL", "another ECS API by the same rules, such as http://127.0.0.1:8481"),
    ("--profile P", "whose keys, of ~/.aws/config; without it AWS's usual chain decides: variables, profile, role"),
    ("--region R", "which region; without it AWS_REGION, AWS_DEFAULT_REGION or the profile says"),
    ("--cluster NAME", "must be said: no default, and no CHAOS_ECS_CLUSTER, leads into a real account"),
    ("commands", "service, run-task, task, ps, kill, events; all else is chaos-ecs's own, and is refused"),
    ("the banner", "on stderr, before anything: account, region, cluster, whose keys"),
    (
        "asked first",
        "whatever changes, stops or deletes: the cluster's name is typed, or --yes was said; else exit code 5",
    ),
    ("not asked", "what only reads, and what begins something new: run-task, a new service, a new task definition"),
    ("kill", "is StopTask there: SIGTERM, 30 s later SIGKILL, UserInitiated. It is not the crash it is here"),
    ("events", "the API has no stream: the cluster is looked at every 2 s, and what its answers keep is told"),
    ("refused", "load balancers, standbys, autoscale, a shell, logs: no calls to the ECS API, or none without more"),
    ("aws-env", "its variables lead aws to chaos-ecs: --endpoint aws refuses where they are set"),
    ("no variable", "says --endpoint: a kill in a real account must be seen on its own command line"),
)

INSTANCES: tuple[tuple[str, str], ...] = (
    ("a container instance", "a machine of the cluster, in an availability zone, that tasks are placed on"),
    ("none", "as it is at first: tasks run on the controller's own engine, and nothing is placed"),
    ("from the first on", "tasks of launch type EC2, the usual one, are placed; those that run already stay"),
    ("a slice", "instance add: a part of the own engine, 2048 cpu units and 2048 MiB; as many as you like"),
    ("a further engine", "instance add --engine CONTEXT|URL: a machine that can really fail"),
    ("its images", "what the own engine has is carried over; the rest is pulled there"),
    ("FARGATE", "tasks of this launch type have no container instance: they run on the own engine"),
    ("where a task goes", "services are spread over the zones; --placement-strategy of aws ecs says otherwise"),
    ("cpu and memory", "are reserved, not measured: what is not free is refused, RESOURCE:CPU or RESOURCE:MEMORY"),
    ("instance drain", "tasks of services move: new ones start elsewhere first. Standalone ones stay to their end"),
    ("instance activate", "new tasks may come again; what has moved comes back only where zones are rebalanced"),
    ("instance remove", "deregisters it; --force stops its tasks: those of services are replaced elsewhere"),
    (
        "a lost engine",
        "its tasks are over after a while: services replace theirs elsewhere, nobody the standalone ones",
    ),
)

TOPICS: tuple[tuple[str, str], ...] = (
    ("environment", "the variables that are read"),
    ("exit-codes", "what each exit code means"),
    ("endpoint", "the same commands on Amazon ECS: --endpoint aws"),
    ("instances", "the machines of a cluster: slices of the engine, zones, draining"),
    ("experiments", "what the file of an experiment, or of a game day, may say"),
    ("alarms", "what stops an experiment"),
)


def help_(
    ctx: typer.Context,
    subject: Annotated[
        list[str] | None, typer.Argument(metavar="[TOPIC|COMMAND]", help="None lists the topics.")
    ] = None,
) -> None:
    """Explain a topic, or a command as its --help does.

    \b
    chaos-ecs help
    chaos-ecs help environment
    chaos-ecs help exit-codes
    chaos-ecs help experiments
    chaos-ecs help service up
    """
    shell = shell_of(ctx)
    words = subject or []
    if not words:
        _tell(shell, "topics", TOPICS)
        shell.say("a page: chaos-ecs help TOPIC   |   a command: chaos-ecs COMMAND --help")
    elif words == ["environment"]:
        _tell(shell, "environment", ENVIRONMENT)
    elif words == ["endpoint"]:
        _tell(shell, "endpoint", ENDPOINT)
    elif words == ["instances"]:
        _tell(shell, "instances", INSTANCES)
    elif words == ["experiments"]:
        _tell(shell, "experiments", EXPERIMENTS)
    elif words == ["alarms"]:
        _tell(shell, "alarms", ALARMS)
    elif words == ["exit-codes"]:
        _tell(shell, "exitCodes", tuple((str(code), f"{word}: {text}") for code, word, text in EXIT_CODES))
    else:
        shell.tell(_help_of(ctx, words))


def _tell(shell: Shell, name: str, rows: tuple[tuple[str, str], ...]) -> None:
    if shell.json:
        from chaos_ecs.cli.output import as_json

        shell.tell(as_json({name: dict(rows)}))
        return
    wide = max(len(key) for key, _ in rows) + 2
    for key, text in rows:
        for row in folded(text, shell.width or 100, first=key.ljust(wide), further=" " * wide):
            shell.tell(row)


def _help_of(ctx: typer.Context, words: list[str]) -> str:
    """The help of a command; exit code 2 when there is none of that name, with the topics."""
    group: Any = ctx.find_root().command
    within: Any = ctx.find_root()
    for word in words:
        found = group.commands.get(word) if hasattr(group, "commands") else None
        if found is None:
            known = ", ".join(name for name, _ in TOPICS)
            raise ChaosEcsError(
                "E-USAGE",
                f"There is no topic and no command {' '.join(words)}",
                f"topics: {known}",
                "chaos-ecs --help",
                2,
            )
        within = type(within)(found, info_name=word, parent=within, obj=ctx.obj)
        group = found
    text: str = group.get_help(within)
    return text
