"""The command line, as far as it needs no server: its help, its checks, its errors."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from forestall.agents.cli import reference
from forestall.agents.cli.main import COMMANDS, forestall
from forestall.agents.redis_calls import without_password

ROOT = Path(__file__).parents[2]
TREE = list(reference.commands(forestall, ("forestall",)))
LEAVES = [(path, command) for path, command in TREE if not isinstance(command, click.Group)]

SEVEN_MISTAKES = """
[problem.Late]
title = "x"
ask = { on = "order.placed", wher = "data.x > 1" }
happens = { on = "order.returned", within = "30 days" }
costs = { miss = "ten" }
effectivenes = 0.5

[problem.lapse]
title = 7
ask = { on = "order.placed", where = "data.amount >" }
happens = { on = "order.placed", within = "90d", not = true }
"""


def run(*arguments: str | Path, **environment: str) -> Result:
    """Runs the command line in this process."""
    return CliRunner().invoke(forestall, list(map(str, arguments)), env=environment)


@pytest.mark.parametrize(
    ("path", "command"), LEAVES, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_teaches_by_example(path: tuple[str, ...], command: click.Command) -> None:
    """`--help` has a line that can be typed as it stands, and says what every option that it shows does."""
    shown = run(*path[1:], "--help")
    assert shown.exit_code == 0
    assert any(line.strip().startswith(" ".join(path)) for line in shown.output.splitlines()[2:])
    with click.Context(command) as context:
        options = [p for p in command.get_params(context) if isinstance(p, click.Option) and not p.hidden]
    assert [option.name for option in options if not option.help] == []


def test_the_tree_has_every_command_of_the_contract() -> None:
    """Names are promised: what stands in scripts goes on working."""
    paths = {" ".join(path[1:]) for path, _ in LEAVES}
    assert paths >= {
        "check", "worker", "trainer", "replay", "backtest", "demo", "topics apply", "catalogue apply", "catalogue show",
        "catalogue diff", "journal dump", "alerts follow", "queue list", "queue claim", "queue done",
        "queue release", "queue snooze", "queue dead", "customer show", "customer export", "customer forget",
        "customer consent", "customer silence", "deadletters list", "deadletters replay",
        "state snapshot", "state verify", "model show",
    }  # fmt: skip


def test_what_reads_can_print_json() -> None:
    """All but worker and trainer, which print their log, and the backtest, which writes files, have --json."""
    without = {" ".join(path[1:]) for path, command in LEAVES if "--json" not in _options(command)}
    assert without == {"worker", "trainer"}


def test_every_command_takes_the_settings_under_their_own_names() -> None:
    """What talks to the servers takes every setting, shown or not."""
    lacking = [path for path, command in LEAVES if {"--kafka", "--log-level"} - _options(command)]
    assert {path[-1] for path in lacking} == {"check", "demo"}


def test_help_loads_no_library_that_takes_long() -> None:
    """`forestall --help` is there at once: the commands are loaded when they are called."""
    program = (
        "import sys\n"
        "from forestall.agents.cli.main import forestall\n"
        "forestall(['--help'], standalone_mode=False)\n"
        "heavy = {'faust', 'kafka', 'aiokafka', 'numba', 'numpy', 'redis', 'rich', 'river'}\n"
        "print('loaded:', sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "loaded: []"
    assert all(entry.words in done.stdout for entry in COMMANDS)


def test_the_page_about_the_command_line_is_fresh() -> None:
    """docs/cli.md is what the tree says."""
    assert (ROOT / "docs" / "cli.md").read_text("utf-8") == reference.page()


def test_check_says_all_seven_mistakes_at_once(tmp_path: Path) -> None:
    """Each with its file and line, its key, and a remedy; exit code 1."""
    file = tmp_path / "shop.toml"
    file.write_text(SEVEN_MISTAKES)
    checked = run("check", file)
    *mistakes, total = checked.stderr.splitlines()
    assert checked.exit_code == 1
    assert total == "7 mistakes"
    keys = [
        "problem.Late:",
        "ask.wher:",
        "happens.within:",
        "costs.miss:",
        "effectivenes:",
        "lapse.title:",
        "ask.where:",
    ]
    assert [key for key, line in zip(keys, mistakes, strict=True) if key not in line] == []
    assert all(line.startswith(f"{file}:") and "; " in line for line in mistakes)
    assert json.loads(run("check", "--json", file).stdout)["mistakes"] == mistakes


def test_check_tells_settings_and_mappings_from_catalogues(tmp_path: Path) -> None:
    """Each file is held against what it is, and all mistakes come in one go."""
    settings, intake = tmp_path / "forestall.toml", tmp_path / "intake.toml"
    settings.write_text("partitions = 0\nbraker = 'off'\n")
    intake.write_text('[[intake]]\ntopic = "shop orders"\n')
    checked = run("check", settings, intake, tmp_path / "none.toml", ROOT / "deploy/catalogues/retail.toml")
    lines = checked.stderr.splitlines()
    assert checked.exit_code == 1
    assert any(line.startswith(f"{settings}: partitions:") for line in lines)
    assert any(line.startswith(f"{settings}: braker:") and "breaker" in line for line in lines)
    assert any(line.startswith(f"{intake}") and "topic" in line for line in lines)
    assert any(line.startswith(f"{tmp_path / 'none.toml'}: cannot be read") for line in lines)


def test_check_is_content_with_what_is_right() -> None:
    """The shipped catalogues have no mistake, and their problems are named."""
    checked = run("check", *sorted((ROOT / "deploy" / "catalogues").glob("*.toml")))
    assert checked.exit_code == 0
    assert "3 files without a mistake: 6 problems" in checked.output


def test_wrong_settings_are_told_all_at_once_wherever_they_stand() -> None:
    """An option and a variable are wrong: both are told, by the names under which they were given."""
    told = run("queue", "list", "--web-port", "70000", FORESTALL_PARTITIONS="many")
    assert told.exit_code == 78
    assert [line.split(":")[0] for line in told.stderr.splitlines()] == ["FORESTALL_PARTITIONS", "--web-port"]


def test_an_absent_redis_is_one_line_with_its_remedy_and_no_password() -> None:
    """Exit code 69, where it was looked for, what to set."""
    told = run("queue", "list", "--redis", "redis://me:secret@127.0.0.1:1/0")
    assert told.exit_code == 69
    assert len(told.stderr.splitlines()) == 1
    assert "redis://me:***@127.0.0.1:1/0" in told.stderr
    assert "FORESTALL_REDIS" in told.stderr
    assert "secret" not in told.stderr


def test_an_url_without_a_password_is_shown_as_it_is() -> None:
    """Nothing is hidden where there is nothing to hide."""
    assert without_password("redis://127.0.0.1:6379/0") == "redis://127.0.0.1:6379/0"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["customer", "consent", "c-1"], "--grant or --refuse"),
        (
            ["customer", "consent", "c-1", "--grant", "contact", "--refuse", "contact"],
            "both granted and refused",
        ),
        (["customer", "silence", "c-1"], "say how long"),
        (["customer", "silence", "c-1", "--for", "181d"], "180d at most"),
        (["customer", "silence", "c-1", "--for", "a while"], "is not a duration"),
        (["customer", "silence", "c-1", "--until", "soon"], "is not a time"),
        (["deadletters", "replay"], "--all"),
        (["deadletters", "replay", "17"], "PARTITION/OFFSET"),
        (["queue", "snooze", "a", "--token", "t"], "--for"),
        (["forecast"], "No such command"),
    ],
)
def test_a_wrong_call_says_what_to_write(arguments: list[str], words: str) -> None:
    """Exit code 2, before anything is asked of a server."""
    told = run(*arguments)
    assert told.exit_code == 2
    assert words in told.stderr


def _options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}
