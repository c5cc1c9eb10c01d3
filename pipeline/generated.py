"""Pages that are generated from the code: written, or checked against what the code says now."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path


def write_or_check(page: Callable[[], str], module: str, arguments: Sequence[str]) -> int:
    """The main function of a page's module: `FILE` writes the page, `--check FILE` compares; the exit status."""
    check = "--check" in arguments
    file = Path(next(argument for argument in arguments if argument != "--check"))
    if not check:
        file.write_text(page(), encoding="utf-8")
    elif not file.is_file() or file.read_text(encoding="utf-8") != page():
        sys.stderr.write(f"{file} is stale: run `python -m {module} {file}`\n")
        return 1
    return 0
