"""The real world: the ports on Docker, SQLite and the wall clock. Nothing here decides anything about ECS.

Docker's exceptions are translated in this package and go no further. Start reading at `runtime.py`.
"""
