"""Refusals, named and worded as in the ECS and Elastic Load Balancing models; nothing else lives here.

The class name is the error's code on the wire. Source of the texts: the API reference's "Errors" of each operation.
"""

from collections.abc import Sequence
from typing import Any


class EcsError(Exception):
    """A request that ECS would refuse. Raised before anything has changed."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def members(self) -> dict[str, Any]:
        """What the error's shape has besides its message."""
        return {}

    @property
    def code(self) -> str:
        """The error's name on the wire, such as ClusterNotFoundException."""
        return type(self).__name__


class ClientException(EcsError):
    pass


class InvalidParameterException(EcsError):
    pass


class ClusterNotFoundException(EcsError):
    pass


class ClusterContainsServicesException(EcsError):
    pass


class ClusterContainsTasksException(EcsError):
    pass


class ClusterContainsContainerInstancesException(EcsError):
    pass


class AttributeLimitExceededException(EcsError):
    pass


class ServiceNotFoundException(EcsError):
    pass


class ServiceNotActiveException(EcsError):
    pass


class ConflictException(EcsError):
    """`resource_ids` are the tasks that the earlier request with the same client token started."""

    def __init__(self, message: str, resource_ids: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.resource_ids = tuple(resource_ids)

    @property
    def members(self) -> dict[str, Any]:
        return {"resourceIds": list(self.resource_ids)} if self.resource_ids else {}


class UnsupportedFeatureException(EcsError):
    pass


class ResourceNotFoundException(EcsError):
    pass


class ServiceDeploymentNotFoundException(EcsError):
    pass


class TargetNotFoundException(EcsError):
    pass


class TargetNotConnectedException(EcsError):
    pass


class NamespaceNotFoundException(EcsError):
    pass


class ResourceInUseException(EcsError):
    pass


class PlatformUnknownException(EcsError):
    pass


class NoUpdateAvailableException(EcsError):
    pass


# --- Application Auto Scaling ---


class ValidationException(EcsError):
    pass


class ObjectNotFoundException(EcsError):
    pass


class LimitExceededException(EcsError):
    pass


class InvalidNextTokenException(EcsError):
    pass


# --- EventBridge Scheduler ---


class ServiceQuotaExceededException(EcsError):
    pass


# --- Elastic Load Balancing: its codes on the wire have no "Exception" at the end ---


class ValidationError(EcsError):
    pass


class InvalidConfigurationRequest(EcsError):
    pass


class OperationNotPermitted(EcsError):
    pass


class TargetGroupNotFound(EcsError):
    pass


class LoadBalancerNotFound(EcsError):
    pass


class ListenerNotFound(EcsError):
    pass


class RuleNotFound(EcsError):
    pass


class DuplicateTargetGroupName(EcsError):
    pass


class DuplicateLoadBalancerName(EcsError):
    pass


class DuplicateListener(EcsError):
    pass


class DuplicateTagKeys(EcsError):
    pass


class TooManyTags(EcsError):
    pass


class PriorityInUse(EcsError):
    pass


class ResourceInUse(EcsError):
    pass


class TargetGroupAssociationLimit(EcsError):
    pass
