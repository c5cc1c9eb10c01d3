"""Writes the JSON Schemas of all contracts: `python -m forestall.schemas.generate [--check] [--release]`.

`--check` writes nothing and fails if a file is not what would be written; `--release` also keeps the schemas
as those of the current major version, against which later ones are checked (COMPATIBILITY.md).
"""

import argparse
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from forestall.schemas.compatibility import breaks
from forestall.schemas.contracts import CONTRACTS, MAJOR, Contract

FOLDER = Path(__file__).parent / "json"
RELEASED = FOLDER / "released"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
REMEDY = "python -m forestall.schemas.generate"


def schema(contract: Contract) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one contract; the same on every Python."""
    body = _cleaned(msgspec.json.schema(contract.struct))
    struct = body["$defs"][contract.struct.__name__]
    return {
        "$schema": DIALECT,
        "$id": f"urn:forestall:schema:{contract.name}:{MAJOR}",
        "title": struct["title"],
        "description": struct["description"],
        **body,
    }


def files() -> dict[str, str]:
    """File name to text, for every contract."""
    return {
        f"{contract.name}.schema.json": json.dumps(schema(contract), indent=2, ensure_ascii=False) + "\n"
        for contract in CONTRACTS
    }


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of files in `folder` that differ from what would be written, are missing, or belong to nothing."""
    expected = files()
    present = {file.name: file.read_text("utf-8") for file in folder.glob("*.json")}
    return sorted(name for name in expected | present if expected.get(name) != present.get(name))


def write(folder: Path = FOLDER) -> None:
    """Makes `folder` hold exactly the generated files."""
    folder.mkdir(parents=True, exist_ok=True)
    expected = files()
    for file in folder.glob("*.json"):
        if file.name not in expected:
            file.unlink()
    for name, text in expected.items():
        (folder / name).write_text(text, "utf-8")


def broken(released: Path = RELEASED / str(MAJOR)) -> list[str]:
    """What the structs break of the `released` schemas, one sentence each."""
    current = {f"{contract.name}.schema.json": contract for contract in CONTRACTS}
    found = []
    for file in sorted(released.glob("*.json")):
        if file.name not in current:
            found.append(f"{file.name}: the contract was removed")
            continue
        contract = current[file.name]
        lines = breaks(json.loads(file.read_text("utf-8")), schema(contract), contract.growing)
        found += [f"{contract.name}: {line}" for line in lines]
    return found


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog=REMEDY, description="Writes the JSON Schemas of all contracts.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is stale")
    parser.add_argument("--release", action="store_true", help=f"also keep them as released version {MAJOR}")
    options = parser.parse_args(arguments)
    if options.check:
        names = stale()
        if names:
            sys.stderr.write(f"stale in {FOLDER}: {', '.join(names)}; run `{REMEDY}`\n")
        return 1 if names else 0
    write()
    return _release() if options.release else 0


def _release() -> int:
    found = broken()
    if found:
        sys.stderr.write(
            "not released, for it would break what was (COMPATIBILITY.md):\n" + "\n".join(found) + "\n"
        )
        return 1
    write(RELEASED / str(MAJOR))
    return 0


def _cleaned(node: Any) -> Any:
    """Docstrings without their source's indentation, which newer Pythons strip and older ones keep."""
    if isinstance(node, list):
        return [_cleaned(item) for item in node]
    if not isinstance(node, dict):
        return node
    clean = {key: _cleaned(value) for key, value in node.items()}
    if isinstance(clean.get("description"), str):
        clean["description"] = inspect.cleandoc(clean["description"])
    return clean


if __name__ == "__main__":
    sys.exit(main())
