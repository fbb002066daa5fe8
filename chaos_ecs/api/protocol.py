"""AWS JSON 1.1, driven by service models: botocore's for ECS and Application Auto Scaling, `chaos-ecs.json` for ours.

Source: Smithy, "AWS JSON 1.1 protocol". `X-Amz-Target` is PREFIX.OPERATION; timestamps are epoch seconds; an error is
`{"__type", "message"}`. Never here: what an operation does (see `operations/`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from chaos_ecs.api.errors import Refused, serialization
from chaos_ecs.api.shapes import BadMember, Walk, input_compiler, output_compiler

CONTENT_TYPE = "application/x-amz-json-1.1"


class Operation:
    """One operation of a model: how to read its input and write its output."""

    def __init__(self, model: OperationModel, parse: Walk, check: Walk, refusal: str) -> None:
        self.name: str = model.name
        self._refusal = refusal
        self._parse = parse
        self._check = check

    def parse(self, body: bytes) -> dict[str, Any]:
        """The validated input. Raises Refused, named as AWS does."""
        try:
            parsed: dict[str, Any] = self._parse(decode(body))
        except BadMember as bad:
            raise self._refused(bad) from None
        return parsed

    def serialise(self, output: dict[str, Any]) -> bytes:
        """The answer's body. Raises OutputError for what the model does not have."""
        return msgspec.json.encode(self._check(output))

    def _refused(self, bad: BadMember) -> Refused:
        """RegisterTaskDefinition says ClientException where every other operation says InvalidParameterException."""
        if bad.problem == "type":
            return serialization(f"{bad.where}: {bad.words}" if bad.where else bad.words)
        code = "ClientException" if self.name == "RegisterTaskDefinition" else self._refusal
        if bad.problem == "missing":
            return Refused(400, code, f"{bad.where[:1].upper()}{bad.where[1:]} {bad.words}")
        told = bad.words.replace(" failed to satisfy", f" at '{bad.where}' failed to satisfy", 1)
        return Refused(400, code, f"1 validation error detected: {told}")


class Api:
    """A service by its model. Operations are compiled when they are first used. `refusal` is what it calls a member
    that the model does not allow."""

    def __init__(self, description: dict[str, Any], refusal: str = "InvalidParameterException") -> None:
        self._refusal = refusal
        self._model = ServiceModel(description)
        if self._model.metadata["protocol"] != "json":
            raise AssertionError(f"{self._model.metadata['serviceId']} does not speak AWS JSON in this botocore")
        self.signing_name: str = self._model.signing_name
        self.target_prefix: str = self._model.metadata["targetPrefix"]
        self.operation_names = frozenset(self._model.operation_names)
        self._inputs = input_compiler()
        self._outputs = output_compiler()
        self._operations: dict[str, Operation] = {}

    def operation(self, name: str) -> Operation:
        """The operation of that name, which must be in `operation_names`."""
        if name not in self._operations:
            model = self._model.operation_model(name)
            parse, check = self._inputs.walk(model.input_shape), self._outputs.walk(model.output_shape)
            self._operations[name] = Operation(model, parse, check, self._refusal)
        return self._operations[name]

    def members_of(self, name: str) -> tuple[str, ...]:
        """The members of an operation's input, in the model's order."""
        shape = self._model.operation_model(name).input_shape
        return tuple(shape.members) if shape else ()

    def encode(self, shape: str, value: dict[str, Any]) -> msgspec.Raw:
        """A checked and encoded part of an answer, to be put into one as it is."""
        walk = self._outputs.walk(self._model.shape_for(shape))
        return msgspec.Raw(msgspec.json.encode(walk(value)))


@cache
def ecs() -> Api:
    """Amazon ECS, from botocore's own model."""
    return Api(Loader().load_service_model("ecs", "service-2"))


@cache
def application_autoscaling() -> Api:
    """Application Auto Scaling, from botocore's own model."""
    return Api(Loader().load_service_model("application-autoscaling", "service-2"), "ValidationException")


@cache
def chaos_ecs() -> Api:
    """What ECS has no operation for: faults, logs, the controller."""
    path = Path(__file__).with_name("chaos-ecs.json")
    return Api(json.loads(path.read_text(encoding="utf-8")))


def decode(body: bytes) -> Any:
    """A JSON body; an empty one is an empty object, as AWS takes it. Raises Refused."""
    if not body:
        return {}
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise serialization(f"The request body is not valid JSON: {error}") from None


def error_body(code: str, message: str, members: Mapping[str, Any] = MappingProxyType({})) -> bytes:
    return msgspec.json.encode({"__type": code, "message": message, **members})
