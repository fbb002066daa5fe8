"""chaos-ecs: a local Amazon ECS on real containers, made to be broken.

The code map, one line a place; `ARCHITECTURE.md` beside this file follows one command from key to container.

    core/model.py      the nouns of ECS, frozen            core/messages.py   Commands, Facts, Actions, Events
    core/state.py      all there is, and its indexes       core/apply.py      the only writer of State
    core/commands.py   apply, for what somebody asks       core/facts.py      apply, for what happened
    core/intents.py    apply, for what the plan wants      core/lifecycle.py  how a task moves down its life
    core/rollout.py    apply, for deployments under way    core/history.py    service deployments and revisions
    core/plan.py       what to do next, and why            core/service_plan.py  the same for one service
    core/deployment.py how many to start and stop          core/health.py     who is healthy, who is to be replaced
    core/balancing.py  the nouns of load balancing         core/targets.py    targets, and the routing that follows
    core/listeners.py  load balancers, listeners, rules    core/target_groups.py  and target groups, as elbv2 has them
    core/scaling.py    target tracking: its nouns and arithmetic; scaling_plan.py, scaling_commands.py around it
    core/pace.py       how long the scheduler waits        core/client.py     which listeners our own client asks
    core/backoff.py    the throttle of failing starts      core/errors.py     refusals in ECS's words
    core/tagging.py    apply, for tags                     core/platforms.py  what AWS would refuse and is run here
    core/resource_commands.py  for settings, old definitions  api/coverage.py    what is honoured, kept, dropped
    core/arns.py       names of things on the wire         core/schedule.py   rate(), cron(), at(): when they are due
    core/schedules.py  the nouns of EventBridge Scheduler  core/scheduling.py apply, for what is due
    core/schedule_commands.py  for what is asked of them   core/schedule_plan.py  what is due, retried, missed, complete
    core/container_instances.py  the nouns of EC2's launch type  core/instances.py  apply, for them; instance_plan.py
    core/placement.py  where tasks go, with rooms.py       core/placement_rules.py  strategies and constraints; _words
    core/placing.py    the same asked of State             core/run_places.py for RunTask and StartTask
    core/daemon_plan.py  DAEMON services                   core/zone_plan.py  tasks that move between zones
    core/instance_faults.py  drained, without power, Spot  core/cluster_query.py  what memberOf and filters say
    core/capacity_providers.py  base and weight            core/sharing.py    the same asked of State
    core/recipe.py     how one container is hurt and healed
    core/faulting.py   the nouns of faults              core/faults.py      apply, for them; fault_plan.py what is due
    core/experimenting.py  those of experiments         core/experiments.py apply, for them
    chaos/fault.py     what a fault is                     chaos/faults/       the faults, a file a family
    chaos/catalogue.py the register of them                chaos/parameters.py their parameters, read off the classes
    chaos/victims.py   candidates, filters, pick           chaos/aiming.py     from a fault and a selection to a Command
    chaos/designs.py   what a FIS template may say         chaos/experiment.py what is due in an experiment
    ports.py           the seams: Clock, Runtime, LoadBalancer, Store
    controller.py      the loop: apply, plan, apply, save, execute, tell
    fleet.py           a Runtime made of several engines   live/further.py    Docker engines beside the own one
    live/              on Docker, HAProxy and SQLite       sim/               the same in memory, on a virtual clock
    api/               ECS, elbv2, FIS, Scheduler: models  cli/               commands and the live log, one more client
    api/page/          who may see the cluster page        page/              the page itself, plain files
    api/adding_instances.py  AddContainerInstance          cli/instances.py   chaos-ecs instance; its words beside it
    cli/endpoint/      the same commands on Amazon ECS: the only botocore of the CLI, a look every 2 s, a gate
    core/outbox.py     every change, for other systems     api/eventbridge.py as ECS sends it to EventBridge
    live/event_targets.py  files and addresses they go to  outgoing.py        the two put together
    probe/             the client: steady requests, counted and measured
    wiring.py          puts live or sim together           config.py          settings, read once
    home.py            the state folder, its id and keys
"""

__version__ = "0.1.0"
