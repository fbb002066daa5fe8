"""The learner's client: steady HTTP requests, counted and measured as a client sees them.

    answer.py   one answer, read as it comes in        exchange.py   one request on one socket
    engine.py   many of them, evenly spaced            tally.py      what is counted, pure
    bursts.py   when failures begin and end, pure      child.py      the engine as a process of its own

Standard library only, and nothing of the rest: the CLI runs it in its own process, the controller as a child.
"""
