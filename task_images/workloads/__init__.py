"""Programs of the kinds that run on ECS, one folder each: two for services (api, worker), three for standalone tasks
(migrate, batch, train). They share `shared.py` and nothing else. See README.md."""
