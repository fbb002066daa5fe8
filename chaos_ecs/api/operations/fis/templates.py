"""Experiment templates: FIS API reference, CreateExperimentTemplate and what gets, changes, lists and deletes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from chaos_ecs.api.broken import check_operations
from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.fis.views import template_summary, template_view
from chaos_ecs.api.paging import page
from chaos_ecs.chaos import catalogue, designs, parameters
from chaos_ecs.core import experiments as x
from chaos_ecs.core.arns import region_of
from chaos_ecs.core.errors import InvalidParameterException, ValidationException
from chaos_ecs.core.experiment_messages import (
    CreateExperimentTemplate,
    DeleteExperimentTemplate,
    UpdateExperimentTemplate,
)
from chaos_ecs.core.experimenting import ActionSpec, Design, StopCondition, TargetSpec
from chaos_ecs.core.state import State

_STORED = ("logConfiguration", "experimentReportConfiguration")
"""Members that say where AWS writes to: kept and told, and nothing is written there."""
_A_DURATION = "PT30S"

_Answer = Future[dict[str, Any]]
_Params = Mapping[str, Any]


def create_experiment_template(call: Call) -> _Answer:
    params = call.params
    design = design_of(params)
    _check(design)
    token = params.get("clientToken", "")
    command = CreateExperimentTemplate(call.region, design, tuple(params.get("tags", {}).items()), token)

    def answer(state: State, now: float, events: object) -> dict[str, Any]:
        of_token = x.template_of_token(state, call.region, token)
        newest = of_token or max(state.experiment_templates.values(), key=lambda item: item.number)
        return {"experimentTemplate": template_view(newest)}

    return call.request(lambda state: command, answer)


def update_experiment_template(call: Call) -> _Answer:
    """Members that are absent stay as they are (API_UpdateExperimentTemplate)."""
    params = call.params

    def build(state: State) -> UpdateExperimentTemplate:
        known = template_view(x.known_template(state, params["id"]))
        changed = {name: value for name, value in {**known, **params}.items() if value is not None}
        design = design_of(changed)
        _check(design)
        return UpdateExperimentTemplate(params["id"], design)

    return call.request(build, lambda state, now, events: _described(state, params["id"]))


def get_experiment_template(call: Call) -> _Answer:
    return call.ask(lambda state, now: _described(state, call.params["id"]))


def delete_experiment_template(call: Call) -> _Answer:
    """Answers with what was deleted."""
    described: dict[str, Any] = {}

    def build(state: State) -> DeleteExperimentTemplate:
        described.update(_described(state, call.params["id"]))
        return DeleteExperimentTemplate(call.params["id"])

    return call.request(build, lambda state, now, events: described)


def list_experiment_templates(call: Call) -> _Answer:
    def answer(state: State, now: float) -> dict[str, Any]:
        found = [
            (template.number, template_summary(template))
            for template in sorted(state.experiment_templates.values(), key=lambda item: item.number)
            if region_of(template.arn) == call.region
        ]
        return page(call.params, "experimentTemplates", found, refusal=ValidationException)

    return call.ask(answer)


def _described(state: State, id_: str) -> dict[str, Any]:
    return {"experimentTemplate": template_view(x.known_template(state, id_))}


def _check(design: Design) -> None:
    """Raises ValidationException."""
    for action in design.actions:
        with _told_of(action):
            _check_durations(action)
    designs.check(design)
    for action in design.actions:
        with _told_of(action):
            check_operations(designs.fault_of(action))


def _check_durations(action: ActionSpec) -> None:
    """FIS takes ISO 8601 alone, and so do templates; elsewhere here 30s will do. Raises InvalidParameterException."""
    given = dict(action.parameters)
    for parameter in parameters.parameters_of(catalogue.named(action.action_id)):
        if parameter.kind != "duration" or parameter.name not in given:
            continue
        value = given[parameter.name]
        try:
            as_iso = parameters.iso(parameters.seconds(value))
        except ValueError:
            as_iso = ""
        if not as_iso or not value.startswith("P"):
            raise InvalidParameterException(
                f"{parameter.name} '{value}' is no duration as FIS writes it. Write {as_iso or _A_DURATION}."
            )


@contextmanager
def _told_of(action: ActionSpec) -> Iterator[None]:
    """What is refused inside is a ValidationException by the name of the action."""
    try:
        yield
    except InvalidParameterException as refusal:
        raise ValidationException(f"Action {action.name}: {refusal.message}") from None


# --- from the wire ---


def design_of(params: _Params) -> Design:
    """What a request says of an experiment."""
    options = params.get("experimentOptions", {})
    if options.get("accountTargeting", "single-account") != "single-account":
        raise ValidationException("There is one account here: accountTargeting must be single-account.")
    return Design(
        description=params["description"],
        targets=tuple(_target(name, said) for name, said in (params.get("targets") or {}).items()),
        actions=tuple(_action(name, said) for name, said in params["actions"].items()),
        stop_conditions=tuple(
            StopCondition(item["source"], item.get("value") or "") for item in params["stopConditions"]
        ),
        role_arn=params.get("roleArn") or "",
        skips_empty_targets=options.get("emptyTargetResolutionMode") == "skip",
        registered=json.dumps({name: params[name] for name in _STORED if params.get(name)}),
    )


def _target(name: str, said: _Params) -> TargetSpec:
    return TargetSpec(
        name=name,
        resource_type=said["resourceType"],
        selection_mode=said["selectionMode"],
        resource_arns=tuple(said.get("resourceArns") or ()),
        resource_tags=tuple((said.get("resourceTags") or {}).items()),
        filters=tuple((item["path"], tuple(item["values"])) for item in said.get("filters") or ()),
        parameters=tuple((said.get("parameters") or {}).items()),
    )


def _action(name: str, said: _Params) -> ActionSpec:
    if "actionId" not in said:
        raise ValidationException(f"Action {name} needs an actionId.")
    return ActionSpec(
        name=name,
        action_id=said["actionId"],
        description=said.get("description") or "",
        parameters=tuple((said.get("parameters") or {}).items()),
        targets=tuple((said.get("targets") or {}).items()),
        start_after=tuple(said.get("startAfter") or ()),
    )
