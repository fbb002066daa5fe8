"""`chaos-ecs chaos inject FAULT`: one command a fault, made from the catalogue: its fields are its options.

Here live the options and their words. Never here: which faults there are (`chaos/catalogue.py`), and what a command
does (see `fault_inject.py`). A command is made when it is asked for: there are thirty, and one is typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from inspect import Parameter as Argument
from inspect import Signature
from typing import Annotated, Any

import typer
import typer.main

from chaos_ecs.chaos import catalogue, parameters
from chaos_ecs.chaos.fault import Fault, Scope
from chaos_ecs.chaos.parameters import Parameter
from chaos_ecs.chaos.victims import SEEDS
from chaos_ecs.cli import completion, find
from chaos_ecs.cli.chaos import fault_inject
from chaos_ecs.cli.chaos.fault_inject import Wish
from chaos_ecs.cli.chaos.fault_kinds import METAVARS, MOST_WORTH_SAYING, default_of, example_of, named, option_of
from chaos_ecs.cli.lazily import Entry, LazyGroup
from chaos_ecs.cli.parts import Command, shell_of
from chaos_ecs.errors import ChaosEcsError

_ANYONE = "Without TASK or SERVICE it hits any one running task of the cluster, at once: --dry-run names it first."
_OURS, _WHOM = "What it does", "Whom it hits"

# --- whom it hits, and the rest ---


def _tags(values: Iterable[str] | None) -> dict[str, str]:
    found = {}
    for value in values or ():
        name, equals, text = value.partition("=")
        if not name or not equals:
            raise typer.BadParameter(f"{value!r} is not KEY=VALUE", param_hint="--tag")
        found[name] = text
    return found


def _keyword(name: str, annotation: Any, default: Any = Argument.empty) -> Argument:
    return Argument(name, Argument.KEYWORD_ONLY, annotation=annotation, default=default)


def _whom(*names: str, **more: Any) -> Any:
    return typer.Option(*names, rich_help_panel=_WHOM, **more)


_VICTIMS = typer.Argument(
    metavar="TASK...|SERVICE",
    help="None: any one running task.",
    show_default=False,
    autocompletion=completion.victims,
)
_SERVICE = typer.Argument(metavar="SERVICE", help="Whose deployment fails.", autocompletion=completion.services)

_OF_TASKS = (
    _keyword("victims", Annotated[list[str] | None, _VICTIMS], None),
    _keyword(
        "count",
        Annotated[int | None, _whom("--count", min=1, metavar="N", help="So many, picked at random (1).")],
        None,
    ),
    _keyword(
        "percent",
        Annotated[
            int | None,
            _whom("--percent-of-tasks", min=1, max=100, metavar="N", help="So many of a hundred, rounded down."),
        ],
        None,
    ),
    _keyword("all", Annotated[bool, _whom("--all", help="All that match.")], False),
    _keyword("standalone", Annotated[bool, _whom("--standalone", help="Standalone tasks only.")], False),
    _keyword(
        "pattern",
        Annotated[str | None, _whom("--pattern", metavar="GLOB", help="Of services, or families, called so: 'w*'.")],
        None,
    ),
    _keyword(
        "tags",
        Annotated[list[str] | None, _whom("--tag", metavar="KEY=VALUE", help="With this tag; may be repeated.")],
        None,
    ),
    _keyword(
        "min_age",
        Annotated[
            float | None,
            _whom("--min-age", parser=find.duration, metavar="TIME", help="That have run for so long: 90s, 2m."),
        ],
        None,
    ),
    _keyword(
        "container",
        Annotated[
            str | None, _whom("--container", metavar="NAME", help="Only this one of each task (essential ones).")
        ],
        None,
    ),
    _keyword(
        "seed",
        Annotated[
            int | None,
            _whom("--seed", min=0, max=SEEDS - 1, metavar="N", help="The same seed picks the same ones."),
        ],
        None,
    ),
    _keyword("force", Annotated[bool, _whom("--force", help="The last healthy task of a service too.")], False),
)
_INSTANCES = _keyword(
    "instances",
    Annotated[
        list[str] | None,
        _whom(
            "--instance",
            metavar="NAME",
            help="This container instance; may be repeated.",
            autocompletion=completion.instances,
        ),
    ],
    None,
)
_ZONE = _keyword(
    "zone", Annotated[str | None, _whom("--az", metavar="ZONE", help="Container instances of this zone.")], None
)
_FORCE_INSTANCES = _keyword(
    "force",
    Annotated[bool, _whom("--force", help="The last ACTIVE container instance, or more than half, too.")],
    False,
)
_OF_A_SERVICE = (_keyword("victims", Annotated[str, _SERVICE]),)
_OF_ALL = (
    _keyword(
        "dry_run", Annotated[bool, typer.Option("--dry-run", help="Show every command line, and do nothing.")], False
    ),
    _keyword("wait", Annotated[bool, typer.Option("--wait", help="Follow until it is over and made good.")], False),
    _keyword("yes", Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")], False),
)


def selection_of(fault: type[Fault]) -> Sequence[Argument]:
    known = {"instances": (_INSTANCES,), "zone": (_ZONE,), "count": (*_named_of_tasks("count", "all"),)}
    picks = [argument for name in fault.picks for argument in known[name]]
    match fault.scope:
        case Scope.TASKS:
            return (*_OF_TASKS, *picks, *_OF_ALL)
        case Scope.INSTANCES:
            return (*picks, *_named_of_tasks("seed"), _FORCE_INSTANCES, *_OF_ALL)
        case Scope.SERVICE:
            return (*_OF_A_SERVICE, *_OF_ALL)
        case _:
            return _OF_ALL


def _named_of_tasks(*names: str) -> list[Argument]:
    return [argument for argument in _OF_TASKS if argument.name in names]


# --- the command ---

_FIELD = "fault_"  # before a field's name, so that it is never taken for one of the above


def command_of(fault: type[Fault]) -> Callable[..., None]:
    """A function as Typer wants it, with the signature that the fault's fields ask for."""
    mine = parameters.parameters_of(fault)

    def command(ctx: typer.Context, **given: Any) -> None:
        values = {item.name: str(given.pop(f"{_FIELD}{item.field}")) for item in mine}
        victims = given.pop("victims", None) or ()
        given["instances"] = given.pop("instances", None) or ()
        given["victims"] = (victims,) if isinstance(victims, str) else victims
        if "tags" in given:
            given["tags"] = _tags(given["tags"])
        fault_inject.inject(shell_of(ctx), Wish(fault, values, **given))

    whole = [Argument("ctx", Argument.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    whole += [*map(_option, mine), *selection_of(fault)]
    command.__signature__ = Signature(whole)  # type: ignore[attr-defined]
    command.__annotations__ = {item.name: item.annotation for item in whole}
    command.__doc__ = _help_of(fault)
    return command


def _option(parameter: Parameter) -> Argument:
    """A number is held to its limits by Typer."""
    is_number = parameter.kind == "number"
    most = parameter.most if parameter.most < MOST_WORTH_SAYING else None
    option = typer.Option(
        option_of(parameter),
        *([parameter.alias] if parameter.alias else ()),
        help=parameter.help,
        metavar="|".join(parameter.choices) or METAVARS[parameter.kind],
        rich_help_panel=_OURS,
        show_default=parameter.default != "",
        autocompletion=(lambda: list(parameter.choices)) if parameter.choices else None,
        **({"min": parameter.least, "max": most} if is_number else {"parser": _reader(parameter)}),
    )
    default: Any = default_of(parameter)
    if default is None:
        default = Argument.empty
    elif is_number:
        default = int(default)
    return _keyword(f"{_FIELD}{parameter.field}", Annotated[int if is_number else str, option], default)


def _reader(parameter: Parameter) -> Callable[[str], str] | None:
    """Reads what can be told to be wrong before a controller is asked, or started; answers it as it was written."""

    def duration(text: str) -> str:
        try:
            parameters.seconds(text)
        except ValueError:
            raise typer.BadParameter(f"{text!r} is no duration: write 30s, 2m or PT30S") from None
        return text

    def choice(text: str) -> str:
        if text.lower() not in parameter.choices:
            raise typer.BadParameter(f"{text!r} is none of: {', '.join(parameter.choices)}")
        return text

    if parameter.kind == "duration":
        return duration
    return choice if parameter.choices else None


def _help_of(fault: type[Fault]) -> str:
    known = fault.action_id.startswith("aws:")
    on_aws = f"AWS Fault Injection Service calls it {fault.action_id}." if known else "AWS has none like it."
    lasts = any(item.field == "duration" for item in parameters.parameters_of(fault))
    examples = [
        example_of(fault),
        *([example_of(fault, "--duration 1m")] if lasts else []),
        example_of(fault, "--dry-run"),
    ]
    whom = f" {_ANYONE}" if fault.scope is Scope.TASKS else ""
    return f"{catalogue.sentence(fault)} {on_aws}{whom}\n\n\b\n" + "\n".join(examples)


class FaultCommand(Command):
    """Its help tells the fault's own options first, then those that say whom it hits."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], _OURS: [], _WHOM: [], "Options": []}
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is None:
                continue
            panel = getattr(parameter, "rich_help_panel", None)
            usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
            sections[panel if panel in sections else usual].append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


@dataclass(frozen=True)
class FaultEntry(Entry):
    """A fault in the list of those that can be injected."""

    fault: type[Fault] = Fault

    def imported(self) -> Any:
        app = typer.Typer(rich_markup_mode=None)
        app.command(self.name, cls=FaultCommand, rich_help_panel=self.panel)(command_of(self.fault))
        return typer.main.get_group(app).commands[self.name]


_PANELS = {
    Scope.TASKS: "Faults of tasks",
    Scope.SERVICE: "Faults of a service's deployments",
    Scope.INSTANCES: "Faults of container instances",
    Scope.CONTROL_PLANE: "Faults of the control plane",
}
INJECTABLE = tuple(fault for fault in catalogue.FAULTS if fault.scope in _PANELS)
ENTRIES = tuple(
    FaultEntry(fault.name, "", catalogue.sentence(fault), _PANELS[fault.scope], fault=fault) for fault in INJECTABLE
)


class Inject(LazyGroup):
    """A fault may be named as FIS names it, too; what is not offered is told with its reason."""

    entries = ENTRIES
    longest_help = 100

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        by_id = {fault.action_id: fault.name for fault in INJECTABLE}
        return super().get_command(ctx, by_id.get(cmd_name, cmd_name))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        why = _not_injected(args[0])
        if why and not ctx.resilient_parsing:
            raise ChaosEcsError("E-USAGE", f"{args[0]} cannot be injected", why, "chaos-ecs chaos faults", 2)
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            named(args[0])  # which raises: there is no fault of this name
        return super().resolve_command(ctx, args)


def _not_injected(name: str) -> str:
    if name in catalogue.NOT_OFFERED:
        return catalogue.NOT_OFFERED[name]
    nothing = [fault for fault in catalogue.FAULTS if fault.scope is Scope.NOTHING]
    return (
        "it hits nobody: it is a step of an experiment"
        if any(name in (item.name, item.action_id) for item in nothing)
        else ""
    )


app = typer.Typer(
    cls=Inject,
    rich_markup_mode=None,
    help="""Inject a fault, and see its effect measured. Its victims are named first, and it ends by itself.

    \b
    chaos-ecs chaos inject pause web
    chaos-ecs chaos inject network-latency web --delay-milliseconds 300
    chaos-ecs chaos inject network-blackhole-port web --port 8080 --dry-run
    chaos-ecs chaos inject oom --standalone
    """,
)
