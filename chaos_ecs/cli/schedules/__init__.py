"""`chaos-ecs schedule`: `commands.py`, what its options mean (`wish.py`) and what is shown (`words.py`)."""
