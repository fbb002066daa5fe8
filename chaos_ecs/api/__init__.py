"""The HTTP border: AWS JSON 1.1 from the model, signatures, the snapshot and the event stream.

ECS's camelCase lives only here. Never here: rules of ECS that change State (see `core/`), and adapters.
One request goes `server.py` -> `border.py` (who asks, what for) -> `protocol.py` (parse) -> `operations/` (a Command
or a question to the controller) -> `views.py` (State as the wire has it) -> `protocol.py` (serialise).
"""
