"""Writes docs/catalogue.md, the reference of every key of a catalogue, from `core.catalogue.keys`.

    python -m forestall.pipeline.catalogue_reference [--check] [FILE]

With --check it writes nothing and ends with 1 if the page is not what the table says.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from forestall.pipeline.core.catalogue.keys import HISTORY, PARTS, PROBLEM, Key, Section
from forestall.pipeline.generated import write_or_check

PAGE = Path(__file__).resolve().parents[1] / "docs" / "catalogue.md"

INTRODUCTION = """\
# The problem catalogue

A catalogue is one or more TOML files. Each table `[problem.NAME]` declares one problem to foresee; one table
`[history]` says what is counted for every customer. `forestall check FILE…` shows every mistake at once.

```toml
[problem.return]
title = "Will send part of this order back"
ask = { on = "order.placed" }
happens = { on = "order.returned", within = "30d" }
```

A **name** has 1 to 63 of `a`-`z`, `0`-`9` and `_`, a letter first. A **duration** is a sum of days, hours,
minutes and seconds: `"30d"`, `"1d12h"`, `"90s"`. A **field of `data`** is a path such as `data.amount` or
`data.item.size`. An **event type** is any type of your own events; none begins with `forestall.`.

A **condition** looks at one event: `data.amount > 100 and not (data.country in ["AT", "CH"])`. It compares with
`==`, `!=`, `<`, `<=`, `>`, `>=`, `in [...]` and `not in [...]`, and joins with `and`, `or`, `not` and
parentheses. It reads `data.…`, `subject`, `type` and `source`; a path alone asks whether the value is true. What
is missing is `null`. Only like is compared with like: the number 1 is not `true`, and `"10" < 9` is false, as is
everything that has no order.

An alert is raised above the **threshold**
`(contact + compensation) / (effectiveness * miss + compensation)`: where acting is expected to save money.

Changing `ask`, `happens`, `answered` or `features` of a problem, or `[history]`, makes it another problem: what
was learned about the old one is put aside. All else can be changed at any time.

This page is generated from `pipeline/core/catalogue/keys.py` by
`python -m forestall.pipeline.catalogue_reference`.
"""


def page() -> str:
    """The page's text."""
    blocks = [INTRODUCTION, "\n".join(_section("[problem.NAME]", PROBLEM))]
    blocks += ["\n".join(_section(f"{name} = {{ … }}", part)) for name, part in PARTS.items()]
    blocks.append("\n".join(_section("[history]", HISTORY)))
    return "\n".join(block.rstrip("\n") + "\n" for block in blocks)


def _section(heading: str, section: Section) -> Iterator[str]:
    yield f"## `{heading}`\n"
    yield "| key | value | default | meaning | example |"
    yield "| --- | --- | --- | --- | --- |"
    for key in section.keys:
        yield f"| `{key.name}` | {_kind(key)} | {_default(key)} | {key.meaning} | {_code(key.example)} |"


def _kind(key: Key) -> str:
    return "table, see below" if isinstance(key.kind, Section) else key.kind.name.replace("|", "\\|")


def _default(key: Key) -> str:
    return "must be given" if key.default is None else _code(key.default)


def _code(toml: str) -> str:
    return f"`{toml}`" if toml else ""


def main(arguments: list[str]) -> int:
    """Writes or checks the page; returns the exit status."""
    named = any(argument != "--check" for argument in arguments)
    return write_or_check(
        page, "forestall.pipeline.catalogue_reference", arguments if named else [*arguments, str(PAGE)]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
