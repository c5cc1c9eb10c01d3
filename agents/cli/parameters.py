"""Kinds of values that options take: durations and moments, as catalogues and events write them."""

from datetime import UTC, datetime
from typing import Any

import click

from forestall.pipeline.core.catalogue.durations import milliseconds
from forestall.pipeline.errors import ConfigurationError


class Duration(click.ParamType):
    """`30d`, `1d12h`, `90s`, in milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Reads it; a wrong one ends the command."""
        if isinstance(value, int):
            return value
        try:
            return milliseconds(value)
        except ConfigurationError as error:
            self.fail(str(error), param, ctx)


class Moment(click.ParamType):
    """`2026-05-01T09:00:00Z` or `2026-05-01` (UTC), in epoch milliseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Reads it; a wrong one ends the command."""
        if isinstance(value, int):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time; write 2026-05-01 or 2026-05-01T09:00:00Z", param, ctx)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)


DURATION = Duration()
MOMENT = Moment()
