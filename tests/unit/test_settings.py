"""The settings: one name in the file, the environment and the options; every mistake at once."""

from pathlib import Path

import msgspec
import pytest

from forestall.agents.settings import Settings
from forestall.agents.settings_reference import described, main, page
from forestall.agents.settings_sources import load_settings
from forestall.pipeline.errors import ConfigurationError

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def written(folder: Path, text: str) -> Path:
    """A forestall.toml with `text`."""
    file = folder / "forestall.toml"
    file.write_text(text)
    return file


def test_options_win_over_environment_over_file_over_default(tmp_path: Path) -> None:
    """Each place overrides those below it and leaves the rest alone."""
    file = written(tmp_path, 'partitions = 1\nreplication = 3\nchunk_limit = 7\nprefix = "shop"\n')
    environment = {"FORESTALL_PARTITIONS": "2", "FORESTALL_REPLICATION": "2", "PATH": "/bin"}
    options = {"partitions": 3, "web_port": None}
    settings = load_settings(options, environment=environment, file=file)
    assert settings == Settings(partitions=3, replication=2, chunk_limit=7, prefix="shop")


def test_nothing_given_is_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without file and environment runs on the defaults."""
    monkeypatch.chdir(tmp_path)
    assert load_settings(environment={}) == Settings()


def test_the_file_is_found_where_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """./forestall.toml is read by itself, and FORESTALL_CONFIG names another."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "partitions = 5\n")
    other = tmp_path / "other.toml"
    other.write_text("partitions = 6\n")
    assert load_settings(environment={}).partitions == 5
    assert load_settings(environment={"FORESTALL_CONFIG": str(other)}).partitions == 6


def test_every_mistake_is_reported_at_once_with_place_and_remedy(tmp_path: Path) -> None:
    """Seven mistakes in three places are seven lines, each with where, what, and what to write."""
    file = written(tmp_path, 'partitons = 4\npartitions = "many"\nkafka = "localhost"\nbreaker = "maybe"\n')
    environment = {"FORESTALL_REPLICATION": "0", "FORESTALL_WEB_PROT": "1"}
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"retention_days": "forever"}, environment=environment, file=file)
    mistakes = caught.value.mistakes
    assert len(mistakes) == 7
    for place, words in (
        (f"{file}: partitons", "did you mean partitions?"),
        (f"{file}: partitions", "expected `int`, got `str`; write for example partitions = 64"),
        (f"{file}: kafka", 'write for example kafka = "kafka-1:9092,kafka-2:9092"'),
        (f"{file}: breaker", 'write for example breaker = "off"'),
        ("FORESTALL_REPLICATION", "write for example replication = 3"),
        ("FORESTALL_WEB_PROT", "write FORESTALL_WEB_PORT"),
        ("--retention-days", "write for example retention_days = 400"),
    ):
        assert [line for line in mistakes if line.startswith(f"{place}: ") and words in line], (
            place,
            mistakes,
        )


def test_a_file_that_cannot_be_read_is_a_mistake_like_others(tmp_path: Path) -> None:
    """A missing file and one that is not TOML are named, with the remedy."""
    with pytest.raises(ConfigurationError, match=r"cannot be read .*; name a file that exists"):
        load_settings(environment={}, file=tmp_path / "none.toml")
    with pytest.raises(ConfigurationError, match=r"is not TOML .*; write lines like partitions = 8"):
        load_settings(environment={}, file=written(tmp_path, "partitions: 8"))


def test_a_stranger_variable_with_our_prefix_is_no_mistake() -> None:
    """Only what looks like a slip of the pen is reported."""
    assert load_settings(environment={"FORESTALL_KAFKA_LIBS": "/jars"}, file=None).kafka == Settings().kafka


def test_every_setting_is_described_and_its_example_is_legal() -> None:
    """No setting lacks a description or example, and no example repeats the default."""
    for name, one in described().items():
        assert one.description.endswith("."), name
        assert one.example != one.default, name
        load_settings(environment={f"FORESTALL_{name.upper()}": str(msgspec.json.decode(one.example))})
    assert list(described()) == list(Settings.__struct_fields__)


def test_the_reference_page_is_fresh(tmp_path: Path) -> None:
    """docs/settings.md says what the code says; a stale page fails the check with the remedy."""
    assert PAGE.read_text() == page()
    assert main([str(PAGE), "--check"]) == 0
    stale = tmp_path / "settings.md"
    stale.write_text(page().replace("partitions", "shards"))
    assert main(["--check", str(stale)]) == 1
    main([str(stale)])
    assert stale.read_text() == page()


def test_names_begin_with_the_prefix() -> None:
    """Topics, groups and store keys of two installations on one cluster never meet."""
    settings = Settings(prefix="shop")
    assert settings.topics.events == "shop.events"
    assert {name.split(".")[0] for name in settings.topics} == {"shop"}
    assert settings.group("foresee") == "shop-foresee"
    assert settings.store_prefix == "shop:"
