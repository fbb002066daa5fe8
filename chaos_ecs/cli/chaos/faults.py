"""`chaos-ecs chaos`: the list of its commands, each imported when it runs. Never here: any of them."""

from __future__ import annotations

import typer

from chaos_ecs.cli.lazily import Entry, LazyGroup


class Chaos(LazyGroup):
    """What can be done with faults."""

    entries = (
        Entry("inject", "chaos.fault_options:app", "Inject a fault, and see its effect measured."),
        Entry("status", "chaos.fault_status:status", "Show the faults that are open."),
        Entry("undo", "chaos.fault_status:undo", "End faults now, and wait until nothing of them is left."),
        Entry("faults", "chaos.fault_catalogue:faults", "List the faults that there are, or show one in detail."),
        Entry("run", "chaos.run:run", "Hit a service again and again, and tell the score; or run an experiment."),
        Entry("report", "chaos.report:report", "Tell what a journal says: figures, every kill, the goal."),
        Entry("replay", "chaos.replay:replay", "Run the same again from its journal, and compare the victims."),
        Entry("export", "chaos.experiment:export", "Print an experiment as a template for AWS FIS."),
        Entry("gameday", "chaos.gameday:app", "Game days: something breaks, and you find out what."),
    )


app = typer.Typer(
    cls=Chaos,
    rich_markup_mode=None,
    help="""Faults: inject them, see them measured, undo them.

    \b
    chaos-ecs chaos inject network-latency web
    chaos-ecs chaos status
    chaos-ecs chaos undo --all
    chaos-ecs chaos faults
    """,
)
