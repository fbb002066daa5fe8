"""The same world in memory, on a virtual clock: no engine, no waiting, every run repeated by its seed."""
