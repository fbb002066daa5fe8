"""The commands of `chaos-ecs chaos`: faults, runs, experiments, reports, game days. The list is `faults.py`."""
