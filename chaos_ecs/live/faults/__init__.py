"""Faults on Docker: recipes are carried out, their effect is measured, and what was done is undone.

`executor.py` takes the effects and answers with facts; what each means does is in `holding.py` (helper containers),
`still.py`, `settings.py`, `network.py` and `inside.py`. `detect.py` finds out what the engine can do, `findings.py`
remembers it. Nothing is decided here: which faults there are is in `chaos/`, what is due in `core/fault_plan.py`.
"""
