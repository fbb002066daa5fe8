"""The cluster page as the server has it: who may see it and act on it, and what it is sent.

`sessions.py` knows who somebody is, `site.py` answers requests, `paint.py` writes the page as it is before its script
runs. The page itself is plain files: `chaos_ecs/page/`.
"""
