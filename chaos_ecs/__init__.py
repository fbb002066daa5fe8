"""chaos-ecs: a local Amazon ECS on real containers, made to be broken.

The code map, one line a place; `ARCHITECTURE.md` beside this file follows one command from key to container.

    core/model.py      the nouns of ECS, frozen            core/messages.py   Commands, Facts, Actions, Events
    core/state.py      all there is, and its indexes       core/apply.py      the only writer of State
    core/commands.py   apply, for what somebody asks       core/facts.py      apply, for what happened
    core/intents.py    apply, for what the plan wants      core/lifecycle.py  how a task moves down its life
    core/plan.py       what to do next, and why            core/deployment.py rolling limits, steady state
    core/backoff.py    the throttle of failing starts      core/errors.py     refusals in ECS's words
    core/arns.py       names of things on the wire
    chaos/victims.py   candidates, filters, pick
    ports.py           the seams: Clock, Runtime, Store
    controller.py      the loop: apply, plan, apply, save, execute, tell
    live/              those seams on Docker and SQLite    sim/               the same in memory, on a virtual clock
    api/               the ECS API from botocore's model   cli/               commands and the live log, one more client
    wiring.py          puts live or sim together           config.py          settings, read once
"""

__version__ = "0.1.0"
