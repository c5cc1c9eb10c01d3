"""Stored forms of models' parts: a msgpack array with its version first, and the steps up from earlier ones."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from forestall.pipeline.errors import StateError

#: The fields of version n, the version first, as those of version n + 1.
FieldsStep = Callable[[list[Any]], list[Any]]


class Form(NamedTuple):
    """One form: `what` it is and the `remedy`, for messages; today's `version`; and a step from each earlier one that
    is still read. What is in the journal (a notice's weights) outlives the release that sent it."""

    what: str
    version: int
    remedy: str
    steps: Mapping[int, FieldsStep] = {}

    def fields(self, data: bytes) -> list[Any]:
        """The fields in today's form. Raises StateError where they are damaged, newer, or older than every step."""
        try:
            fields = msgspec.msgpack.decode(data, type=list[Any])
            version = int(fields[0])
        except (msgspec.MsgspecError, UnicodeDecodeError, LookupError, TypeError, ValueError) as error:
            raise self.unreadable(error) from error
        if version > self.version:
            raise StateError(
                f"{self.what} has version {version}, this release reads up to {self.version}: run the newer release"
            )
        while version < self.version:
            if version not in self.steps:
                raise StateError(f"{self.what} has version {version}, which is read no longer: {self.remedy}")
            fields = self.steps[version](fields)
            version += 1
            fields[0] = version
        return fields

    def unreadable(self, error: Exception) -> StateError:
        """The error for what is damaged."""
        return StateError(f"{self.what} cannot be read: {error}; {self.remedy}")
