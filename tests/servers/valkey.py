"""The embedded store, as the demo starts it."""

from forestall.agents.embedded import Store as Valkey

__all__ = ["Valkey"]
