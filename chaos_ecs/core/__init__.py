"""The pure core: what ECS would decide. Standard library only; no I/O, clock, randomness, threads or logging.

Callers need three things: `apply` (the only writer of State), `plan` (what to do next, and why), and the nouns
of `model`. Start reading at `messages.py`: everything that crosses the border is defined there.
"""
