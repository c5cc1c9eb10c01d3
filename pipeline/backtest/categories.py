"""Which category a hash stands for: learned from the events, for models see hashes alone."""

from forestall.pipeline.core.features import lookup
from forestall.pipeline.core.program import EVENT_CATEGORIES, Program, category_hash, seeded_hash
from forestall.schemas.event import Event

#: Values of one field that are named, first come.
MOST = 5_000


class Categories:
    """Names of the declared categories' hashes, of a bounded number of values."""

    def __init__(self, program: Program) -> None:
        layout = program.layout
        self._fields = list(zip(layout.category, layout.category_paths, program.category_seeds, strict=True))
        self._known: list[set[object]] = [set() for _ in self._fields]
        self._names: dict[int, tuple[str, str]] = {}
        for type_ in program.asking:
            self._names[category_hash(EVENT_CATEGORIES[0], type_)] = (EVENT_CATEGORIES[0], type_)
        self._types = program.asking.keys()

    def take(self, event: Event) -> None:
        """Learns the names of an event's categories."""
        if event.data is None or event.type not in self._types:
            return
        for (field, path, seed), known in zip(self._fields, self._known, strict=True):
            value = lookup(event.data, path)
            if value is None or isinstance(value, list | dict) or value in known or len(known) >= MOST:
                continue
            known.add(value)
            self._names[seeded_hash(seed, value)] = (field, str(value))

    def name(self, hash_: int) -> tuple[str, str] | None:
        """The field and the value; None for a category that is not named (weekday, time of day, a late-comer)."""
        return self._names.get(hash_)
