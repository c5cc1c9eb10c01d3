"""How a metric is declared: as an attribute of a class, made anew for each instance and its registry."""

from collections.abc import Callable
from typing import Generic, TypeVar, overload

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

M = TypeVar("M", bound=Counter | Gauge | Histogram | Info)


class Instrument(Generic[M]):
    """One row of a table of metrics. `make` builds it in a registry; an instance has what was built."""

    def __init__(
        self, name: str, text: str, labels: tuple[str, ...], make: Callable[[CollectorRegistry], M]
    ) -> None:
        self.name, self.text, self.labels, self.make = name, text, labels, make

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute

    @overload
    def __get__(self, instance: None, owner: type) -> "Instrument[M]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> M: ...
    def __get__(self, instance: object | None, owner: type) -> "M | Instrument[M]":
        return self if instance is None else self.of(instance)

    def of(self, instance: object) -> M:
        """What was made for this instance."""
        made: M = instance.__dict__[self.attribute]
        return made


def counter(name: str, text: str, *labels: str) -> Instrument[Counter]:
    """What only grows, until the process ends."""
    return Instrument(name, text, labels, lambda registry: Counter(name, text, labels, registry=registry))


def gauge(name: str, text: str, *labels: str) -> Instrument[Gauge]:
    """What stands at a value now."""
    return Instrument(name, text, labels, lambda registry: Gauge(name, text, labels, registry=registry))


def histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Instrument[Histogram]:
    """How values are spread."""
    return Instrument(
        name, text, labels, lambda registry: Histogram(name, text, labels, registry=registry, buckets=buckets)
    )


def info(name: str, text: str) -> Instrument[Info]:
    """Words about the process, as labels of a metric that is always 1."""
    return Instrument(name, text, (), lambda registry: Info(name, text, registry=registry))
