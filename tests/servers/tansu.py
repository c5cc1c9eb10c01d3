"""The embedded broker, as the demo starts it."""

from forestall.agents.embedded import Broker as Tansu

__all__ = ["Tansu"]
