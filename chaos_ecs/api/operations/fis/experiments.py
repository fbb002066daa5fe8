"""Experiments: FIS API reference, StartExperiment and what gets, lists and stops them.

A seed is a tag: `chaos-ecs:seed` on StartExperiment repeats the pick of the targets; without it one is drawn, and told
as that tag.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api.call import Call, done, then
from chaos_ecs.api.operations.fis.views import experiment_summary, experiment_view, resolved_view
from chaos_ecs.api.paging import page
from chaos_ecs.chaos import designs
from chaos_ecs.chaos.victims import SEEDS
from chaos_ecs.core import experiments as x
from chaos_ecs.core.arns import region_of
from chaos_ecs.core.errors import ValidationException
from chaos_ecs.core.experiment_messages import StartExperiment, StopExperiment
from chaos_ecs.core.experimenting import Experiment, ExperimentTemplate
from chaos_ecs.core.state import State

SEED_TAG = "chaos-ecs:seed"

_Answer = Future[dict[str, Any]]


def start_experiment(call: Call) -> _Answer:
    """What the engine can do is found out before, if one of the actions depends on it."""
    params = call.params
    seed = _seed_of(params.get("tags", {}))

    def asked_for(state: State, now: float) -> ExperimentTemplate:
        return x.known_template(state, params["experimentTemplateId"])

    def go_on(template: ExperimentTemplate) -> _Answer:
        needs = any(designs.fault_of(action).needs for action in template.design.actions)
        known: Future[Mapping[str, str]] = done({})
        if needs:
            known = call.surroundings.background.submit(call.surroundings.controller.runtime.abilities)
        return then(known, lambda found: _start(call, seed, found))

    return then(call.ask(asked_for), go_on)


def _start(call: Call, seed: int, found: Mapping[str, str]) -> _Answer:
    params = call.params
    command = StartExperiment(
        template_id=params["experimentTemplateId"],
        seed=seed,
        abilities=tuple((name, reason) for name, reason in found.items() if reason),
        skips_actions=params.get("experimentOptions", {}).get("actionsMode") == "skip-all",
        tags=tuple({**params.get("tags", {}), SEED_TAG: str(seed)}.items()),
        client_token=params.get("clientToken", ""),
    )

    def answer(state: State, now: float, events: object) -> dict[str, Any]:
        of_token = x.experiment_of_token(state, command.template_id, command.client_token)
        begun = of_token or max(state.experiments.values(), key=lambda item: item.number)
        return {"experiment": experiment_view(begun)}

    return call.request(lambda state: command, answer)


def _seed_of(tags: Mapping[str, str]) -> int:
    told = tags.get(SEED_TAG)
    if told is None:
        return secrets.randbelow(SEEDS)
    if not (told.isascii() and told.isdecimal() and int(told) < SEEDS):
        raise ValidationException(f"The tag {SEED_TAG} is {told[:20]}: a seed is a whole number below {SEEDS}.")
    return int(told)


def stop_experiment(call: Call) -> _Answer:
    id_ = call.params["id"]
    return call.request(
        lambda state: StopExperiment(id_),
        lambda state, now, events: {"experiment": experiment_view(state.experiments[id_])},
    )


def get_experiment(call: Call) -> _Answer:
    return call.ask(lambda state, now: {"experiment": experiment_view(x.known_experiment(state, call.params["id"]))})


def list_experiments(call: Call) -> _Answer:
    of_template = call.params.get("experimentTemplateId")

    def answer(state: State, now: float) -> dict[str, Any]:
        found = [
            (experiment.number, experiment_summary(experiment))
            for experiment in sorted(state.experiments.values(), key=lambda item: item.number)
            if region_of(experiment.arn) == call.region and of_template in (None, experiment.template_id)
        ]
        return page(call.params, "experiments", found, refusal=ValidationException)

    return call.ask(answer)


def list_experiment_resolved_targets(call: Call) -> _Answer:
    def answer(state: State, now: float) -> dict[str, Any]:
        experiment = x.known_experiment(state, call.params["experimentId"])
        found = list(enumerate(_resolved(experiment, call.params.get("targetName"))))
        return page(call.params, "resolvedTargets", found, refusal=ValidationException)

    return call.ask(answer)


def _resolved(experiment: Experiment, name: str | None) -> list[dict[str, Any]]:
    arns = dict(experiment.resolved)
    return [
        view
        for target in experiment.design.targets
        if name in (None, target.name)
        for view in resolved_view(target, arns.get(target.name, ()))
    ]
