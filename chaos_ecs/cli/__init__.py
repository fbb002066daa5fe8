"""The command line: one more client of the controller. Never here: rules of ECS (see `core/`), Docker (see `live/`)."""
