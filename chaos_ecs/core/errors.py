"""Refusals, named and worded as in the ECS service model; nothing else lives here.

The class name is the `__type` on the wire. Source of the texts: the API reference's "Errors" of each operation.
"""


class EcsError(Exception):
    """A request that ECS would refuse. Raised before anything has changed."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

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


class ServiceNotFoundException(EcsError):
    pass


class ServiceNotActiveException(EcsError):
    pass


class ConflictException(EcsError):
    pass


class UnsupportedFeatureException(EcsError):
    pass


class ResourceNotFoundException(EcsError):
    pass
