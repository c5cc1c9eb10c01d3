"""The JSON Schemas: fresh, legal, and true of what is really written."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from forestall.schemas import contracts, generate
from forestall.schemas.contracts import CONTRACTS, Contract
from forestall.schemas.event import decode_event
from tests.unit.contract_samples import SAMPLES

BY_NAME = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)


def stored(contract: Contract) -> dict[str, Any]:
    """The schema as it is shipped."""
    schema: dict[str, Any] = json.loads((generate.FOLDER / f"{contract.name}.schema.json").read_text("utf-8"))
    return schema


def written(sample: msgspec.Struct) -> dict[str, Any]:
    """A sample as its readers see it."""
    record: dict[str, Any] = json.loads(msgspec.json.encode(sample))
    return record


def test_the_shipped_schemas_are_what_the_structs_say() -> None:
    """Whoever changes a struct generates anew."""
    assert generate.stale() == []


def test_a_stale_a_missing_and_a_stray_file_are_named(tmp_path: Path) -> None:
    """The freshness check sees each way in which files can differ, and writing mends it."""
    generate.write(tmp_path)
    (tmp_path / "alert.schema.json").write_text("{}")
    (tmp_path / "event.schema.json").unlink()
    (tmp_path / "gone.schema.json").write_text("{}")
    assert generate.stale(tmp_path) == ["alert.schema.json", "event.schema.json", "gone.schema.json"]
    generate.write(tmp_path)
    assert generate.stale(tmp_path) == []


def test_every_contract_module_is_in_the_table() -> None:
    """A new file with a struct in schemas/ must be reachable from the table of contracts."""
    folder = Path(contracts.__file__).parent
    tools = {"__init__", "contracts", "generate", "compatibility"}
    modules = {file.stem for file in folder.glob("*.py")} - tools
    used = {contract.struct.__module__.rpartition(".")[2] for contract in CONTRACTS}
    assert modules == used


@BY_NAME
def test_a_schema_is_legal_and_named(contract: Contract) -> None:
    """It is JSON Schema 2020-12 with an identity and words for its reader."""
    schema = stored(contract)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:forestall:schema:{contract.name}:{contracts.MAJOR}"
    assert schema["description"].strip()
    assert "\n  " not in schema["description"]


@BY_NAME
def test_what_is_written_is_valid(contract: Contract) -> None:
    """Every sample, full or bare, encodes to JSON that its schema accepts and that decodes to the same."""
    schema = stored(contract)
    for sample in SAMPLES[contract.name]:
        jsonschema.validate(written(sample), schema, cls=jsonschema.Draft202012Validator)
        assert msgspec.json.decode(msgspec.json.encode(sample), type=contract.struct) == sample


@BY_NAME
def test_what_lacks_a_required_field_is_not_valid(contract: Contract) -> None:
    """Each required field is really required, by the schema as by the decoder."""
    schema = stored(contract)
    required = schema["$defs"][contract.struct.__name__]["required"]
    assert required
    for name in set(required) - {"kind"}:  # the decoder takes a record without its tag
        record = written(SAMPLES[contract.name][0])
        del record[name]
        assert not jsonschema.Draft202012Validator(schema).is_valid(record)
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(json.dumps(record), type=contract.struct)


def test_every_field_is_set_in_a_sample() -> None:
    """The full samples write every field, so that every field is tried."""
    for contract in CONTRACTS:
        full = written(SAMPLES[contract.name][0])
        assert set(msgspec.structs.asdict(SAMPLES[contract.name][0])) <= set(full)


@pytest.mark.parametrize("name", ["event", "notice", "outcome"])
def test_what_goes_into_the_journal_reads_as_an_event(name: str) -> None:
    """A notice and an outcome are CloudEvents too: type and version are written, not left to defaults."""
    sample = SAMPLES[name][0]
    event = decode_event(msgspec.json.encode(sample))
    assert (event.id, event.type) == (written(sample)["id"], written(sample)["type"])
