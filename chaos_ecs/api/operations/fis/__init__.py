"""The operations of AWS FIS that chaos-ecs has, in an explicit table, as `operations/__init__.py` has ECS's.

Not here: target account configurations (there is one account), which answer 501.
"""

from __future__ import annotations

from collections.abc import Mapping

from chaos_ecs.api.operations import Perform
from chaos_ecs.api.operations.fis import actions, experiments, safety, tags, templates

FIS_OPERATIONS: Mapping[str, Perform] = {
    "CreateExperimentTemplate": templates.create_experiment_template,
    "DeleteExperimentTemplate": templates.delete_experiment_template,
    "GetAction": actions.get_action,
    "GetExperiment": experiments.get_experiment,
    "GetExperimentTemplate": templates.get_experiment_template,
    "GetSafetyLever": safety.get_safety_lever,
    "GetTargetResourceType": actions.get_target_resource_type,
    "ListActions": actions.list_actions,
    "ListExperimentResolvedTargets": experiments.list_experiment_resolved_targets,
    "ListExperimentTemplates": templates.list_experiment_templates,
    "ListExperiments": experiments.list_experiments,
    "ListTagsForResource": tags.list_tags_for_resource,
    "ListTargetResourceTypes": actions.list_target_resource_types,
    "StartExperiment": experiments.start_experiment,
    "StopExperiment": experiments.stop_experiment,
    "TagResource": tags.tag_resource,
    "UntagResource": tags.untag_resource,
    "UpdateExperimentTemplate": templates.update_experiment_template,
    "UpdateSafetyLeverState": safety.update_safety_lever_state,
}
