"""Faults, as data and pure functions. Never here: I/O, a clock, or randomness other than a `Random` handed in."""
