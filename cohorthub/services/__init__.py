"""The hub's own services, each a process that the hub starts."""
