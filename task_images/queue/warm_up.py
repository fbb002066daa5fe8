"""Asks moto's SQS for a queue while the image is built. What that imports is compiled by it, so a start takes a seventh
of the time; and an image whose packages do not fit together is not built."""

from __future__ import annotations

import json

from serve import sqs
from werkzeug.test import Client

SIGNED = "AWS4-HMAC-SHA256 Credential=none/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=none"


def ask(operation: str, **members: object) -> dict[str, object]:
    headers = {"Authorization": SIGNED, "X-Amz-Target": f"AmazonSQS.{operation}"}
    answer = Client(sqs()).post(data=json.dumps(members), headers=headers, content_type="application/x-amz-json-1.0")
    assert answer.status_code == 200, answer.text
    return dict(json.loads(answer.text))


url = ask("CreateQueue", QueueName="warm")["QueueUrl"]
ask("SendMessage", QueueUrl=url, MessageBody="warm")
assert ask("ReceiveMessage", QueueUrl=url)["Messages"]
