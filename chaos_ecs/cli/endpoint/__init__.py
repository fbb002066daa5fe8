"""The same commands on Amazon ECS, or on any other ECS API (decision 082)."""
