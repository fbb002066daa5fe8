"""The health command: exit code 0 when the queue answers."""

from __future__ import annotations

import os
from http.client import HTTPConnection

connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "9324")), timeout=2)
connection.request("GET", "/health")
assert connection.getresponse().status == 200
