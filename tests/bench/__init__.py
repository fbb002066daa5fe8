"""The bench: `python -m tests.bench`. It measures chaos-ecs beside its peers in one run and judges nobody.

`systems/` has one file a peer (what starts and scales it), the modules beside it one measurement each, `observer.py`
the one clock that all of them are measured with. No test here: pytest does not collect this package. How and why:
`chaos_ecs/decisions/020-how-we-measure.md`.
"""
