"""The two queues of the lesson: the jobs, and a note for each one that was done. Real boto3, whoever answers as SQS."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from workloads.shared import HOST, Ending, number, patiently

ENDPOINT = os.environ.get("SQS_ENDPOINT", "http://queue:9324")
NAME = os.environ.get("QUEUE_NAME", "jobs")
POLL_SECONDS = 10  # a long poll: one request waits so long for a message, instead of asking again and again
AT_ONCE = 10  # SQS's limit for one request
HOLD_SECONDS = 30  # how long `tally` may keep the notes
WAITING, IN_HAND = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
SENT = "sent"  # a tag of the queue: how many jobs were ever sent, which is the number of the newest

GONE = (BotoCoreError, ClientError)  # nobody answers, or the queue is no more: one that was killed begins empty


@dataclass(frozen=True)
class Job:
    """One delivery of a message: it is `attempt` times now that somebody got it."""

    id: str
    name: str
    attempt: int
    receipt: str


class Queues:
    """Raises one of GONE."""

    def __init__(self) -> None:
        self._sqs = boto3.client(
            "sqs",
            endpoint_url=ENDPOINT,
            region_name=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"),
            aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "none"),  # the queue here takes any
            aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "none"),
            config=Config(connect_timeout=2, read_timeout=POLL_SECONDS + 5, retries={"max_attempts": 0}),
        )
        self._jobs = self._made(NAME, {"VisibilityTimeout": str(int(number("VISIBILITY_SECONDS", 5)))})
        self._done = self._made(f"{NAME}-done", {})
        self.visibility_seconds = self._attributes(self._jobs, "VisibilityTimeout")[0]

    def receive(self) -> Job | None:
        """The next job, which nobody else gets for as long as the visibility timeout says; None when none comes."""
        answer = self._sqs.receive_message(
            QueueUrl=self._jobs, WaitTimeSeconds=POLL_SECONDS, AttributeNames=["ApproximateReceiveCount"]
        )
        for message in answer.get("Messages", ()):
            attempt = int(message["Attributes"]["ApproximateReceiveCount"])
            return Job(message["MessageId"], message["Body"], attempt, message["ReceiptHandle"])
        return None

    def complete(self, job: Job) -> None:
        """Writes it down, then deletes it. Killed in between, it is done twice, which `tally` shows; the other way
        round it might never have been done, and nobody would know."""
        note = {"id": job.id, "name": job.name, "attempt": job.attempt, "host": HOST}
        self._sqs.send_message(QueueUrl=self._done, MessageBody=json.dumps(note))
        self._sqs.delete_message(QueueUrl=self._jobs, ReceiptHandle=job.receipt)

    def send(self, count: int) -> int:
        """Sends so many jobs, named m-1, m-2 and so on; answers the number of the first."""
        first = 1 + self._sent()
        for begin in range(first, first + count, AT_ONCE):
            end = min(begin + AT_ONCE, first + count)
            entries = [{"Id": str(job), "MessageBody": f"m-{job}"} for job in range(begin, end)]
            refused = self._sqs.send_message_batch(QueueUrl=self._jobs, Entries=entries).get("Failed")
            assert not refused, refused
            self._sqs.tag_queue(QueueUrl=self._jobs, Tags={SENT: str(end - 1)})
        return first

    def tally(self) -> dict[str, int]:
        """`left` are in the queue or in some worker's hand. Once it is 0: `sent` less `distinct` is what was lost."""
        left = sum(self._attributes(self._jobs, WAITING, IN_HAND))
        done = Counter(note["id"] for note in self._notes())
        return {
            "sent": self._sent(),
            "done": done.total(),
            "distinct": len(done),
            "duplicates": done.total() - len(done),
            "left": left,
        }

    def _notes(self) -> list[dict[str, Any]]:
        """All of them: taken out of the queue one by one, then given back."""
        taken: list[dict[str, Any]] = []
        while self._attributes(self._done, WAITING)[0]:
            answer = self._sqs.receive_message(
                QueueUrl=self._done, MaxNumberOfMessages=AT_ONCE, VisibilityTimeout=HOLD_SECONDS
            )
            taken += answer.get("Messages", ())
        for begin in range(0, len(taken), AT_ONCE):
            entries = [
                {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                for place, message in enumerate(taken[begin : begin + AT_ONCE])
            ]
            self._sqs.change_message_visibility_batch(QueueUrl=self._done, Entries=entries)
        return [json.loads(message["Body"]) for message in taken]

    def _made(self, name: str, attributes: dict[str, str]) -> str:
        """Its URL. One that is there already keeps the attributes it has."""
        try:
            return str(self._sqs.get_queue_url(QueueName=name)["QueueUrl"])
        except self._sqs.exceptions.QueueDoesNotExist:
            return str(self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def _attributes(self, url: str, *names: str) -> list[int]:
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))["Attributes"]
        return [int(found[name]) for name in names]

    def _sent(self) -> int:
        return int(self._sqs.list_queue_tags(QueueUrl=self._jobs).get("Tags", {}).get(SENT, 0))


def connected(ending: Ending) -> Queues:
    """Raises MissingError."""
    return patiently(f"the queue at {ENDPOINT}", Queues, GONE, ending)
