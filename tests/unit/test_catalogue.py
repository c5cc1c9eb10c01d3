"""Reading catalogues: what they mean, and every mistake at once."""

from pathlib import Path

import pytest

from forestall.pipeline import catalogue_reference
from forestall.pipeline.core.catalogue.declaration import DAY, Catalogue, History
from forestall.pipeline.core.catalogue.expression import Expression
from forestall.pipeline.core.catalogue.keys import HISTORY, PARTS, PROBLEM, Key, Section
from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.catalogue.revision import revision_key
from forestall.pipeline.errors import ConfigurationError
from forestall.schemas.catalogue import CatalogueFile

SHIPPED = sorted((Path(__file__).parents[2] / "deploy" / "catalogues").glob("*.toml"))

HOW_DURATIONS = 'write days, hours, minutes, seconds in this order, such as "30d", "1d12h" or "90s"'
HOW_FIELDS = 'begin it with data., such as "data.amount"'
RETURN = """
[problem.return]
title = "Will send part of this order back"
ask = { on = "order.placed" }
happens = { on = "order.returned", within = "30d" }
"""
WHOLE = """
[history]
spans = ["1h", "1d"]
types = ["ticket.opened"]

[problem.sla_breach]
title = "Will not be solved in time"
ask = { on = ["ticket.opened", "ticket.moved"], where = "data.open == true", keep = "last per day" }
answered = { on = "ticket.closed", yes = "data.made_sla == false", late_after = "9d", give_up = "90d" }
costs = { miss = 20, contact = 0.5, compensation = 0 }
effectiveness = 0.25
grace = "0d"
mode = "shadow"
critical = true
action = { title = "Hurry", channels = ["chat"], say = "We are on it." }

[problem.sla_breach.features]
numeric = "data.moves"
category = ["data.group", "data.priority"]
never = ["data.closed_code"]

[problem.sla_breach.words]
data.moves = "how often it was moved"
"ticket.opened" = "tickets"
"""


def read(*texts: str) -> Catalogue:
    """The catalogue of the texts, named a.toml, b.toml, …"""
    return parse([CatalogueFile(f"{chr(97 + i)}.toml", text) for i, text in enumerate(texts)])


def mistakes(*texts: str) -> list[str]:
    """The mistakes in the texts."""
    with pytest.raises(ConfigurationError) as error:
        read(*texts)
    return error.value.mistakes


def with_line(line: str) -> str:
    """RETURN with one more line."""
    return f"{RETURN}{line}\n"


def test_a_problem_of_three_lines_takes_the_defaults() -> None:
    """What is not said is as the declaration says."""
    (problem,) = read(RETURN).problems
    assert (problem.name, problem.ask.on, problem.ask.keep) == ("return", ("order.placed",), "all")
    assert problem.happens is not None
    assert (problem.happens.within, problem.happens.same, problem.happens.negated) == (
        30 * DAY,
        "customer",
        False,
    )
    assert (problem.answered, problem.grace, problem.mode, problem.effectiveness) == (None, DAY, "live", 0.5)
    assert round(problem.threshold, 3) == 0.429


def test_every_key_is_read() -> None:
    """A catalogue with all keys comes out as it was written."""
    catalogue = read(WHOLE)
    (problem,) = catalogue.problems
    assert catalogue.history == History(spans=(3_600_000, DAY), types=("ticket.opened",))
    assert problem.ask.where == Expression("data.open == true")
    assert (problem.ask.on, problem.ask.keep) == (("ticket.opened", "ticket.moved"), "last per day")
    assert problem.answered is not None
    assert (problem.answered.yes.text, problem.answered.give_up) == ("data.made_sla == false", 90 * DAY)
    assert problem.answered.late_after == 9 * DAY
    assert (problem.costs.miss, problem.costs.contact, problem.costs.compensation) == (20.0, 0.5, 0.0)
    assert (problem.effectiveness, problem.grace, problem.mode, problem.critical) == (0.25, 0, "shadow", True)
    assert (problem.action.title, problem.action.channels) == ("Hurry", ("chat",))
    assert problem.features.numeric == ("data.moves",)
    assert problem.features.category == ("data.group", "data.priority")
    assert problem.features.never == ("data.closed_code",)
    assert problem.words == {"data.moves": "how often it was moved", "ticket.opened": "tickets"}


def test_silence_and_not_are_read() -> None:
    """A customer who leaves: asked after silence, yes if nothing comes."""
    leaves = '[problem.leaves]\ntitle = "Leaves"\nask = { on = "order.placed", silence = "14d" }\n'
    (problem,) = read(leaves + 'happens = { on = "order.placed", within = "90d", not = true }').problems
    assert problem.happens is not None
    assert (problem.ask.silence, problem.happens.negated) == (14 * DAY, True)


def test_problems_of_all_files_stand_in_the_order_of_their_names() -> None:
    """Which file a problem stands in does not matter."""
    assert [problem.name for problem in read(WHOLE, RETURN).problems] == ["return", "sla_breach"]
    assert read(WHOLE, RETURN) == read(RETURN, WHOLE)


def test_seven_mistakes_are_shown_at_once() -> None:
    """A catalogue with seven mistakes shows all seven, each with file, line, key and remedy."""
    text = """
[problem.return]
titel = "Will send part of this order back"
ask = { on = "order.placed", where = "data.amount = 1" }
happens = { on = "order.returned", within = "30 days", same = "order" }
effectiveness = 1.5
costs = { miss = "ten" }
features = { numeric = ["amount"] }
"""
    assert mistakes(text) == [
        "a.toml:3: problem.return.titel: is not known; did you mean title?",
        "a.toml:4: problem.return.ask.where: at character 13: '=' means nothing here; write == to compare",
        f"a.toml:5: problem.return.happens.within: '30 days' is not a duration; {HOW_DURATIONS}",
        'a.toml:5: problem.return.happens.same: "order" is not known; write "customer" or "subject"',
        "a.toml:6: problem.return.effectiveness: 1.5 is out of range; use above 0, at most 1",
        'a.toml:7: problem.return.costs.miss: "ten" is a string; write a number without quotes',
        f'a.toml:8: problem.return.features.numeric: "amount" is not a field of data; {HOW_FIELDS}',
    ]


@pytest.mark.parametrize(
    ("line", "key", "part"),
    [
        ('within = "30d"', "problem.return.within", "it belongs into happens"),
        ("colour = 1", "problem.return.colour", "known here: title, ask"),
        ('answered = { on = "a", yes = "data.b" }', "problem.return", "both happens and answered"),
        ("costs = { miss = 2, contact = 1 }", "problem.return.costs", "never be an alert"),
        ("costs = { miss = 0, contact = 0, compensation = 0 }", "problem.return.costs", "never be an alert"),
        ("effectiveness = 0.1", "problem.return.costs", "raise miss or effectiveness"),
        ("costs = { contact = -1 }", "problem.return.costs.contact", "use 0 to 1e+12"),
        ("costs = { contact = nan }", "problem.return.costs.contact", "out of range"),
        ("effectiveness = 0", "problem.return.effectiveness", "above 0"),
        ("effectiveness = true", "problem.return.effectiveness", "is a boolean"),
        ('mode = "shadwo"', "problem.return.mode", 'write "live" or "shadow"'),
        ('critical = "yes"', "problem.return.critical", "true or false, without quotes"),
        ('grace = "91d"', "problem.return.grace", "use 0s to 90d"),
        ("grace = 3", "problem.return.grace", 'such as "30d"'),
        ('action = "call"', "problem.return.action", "is not a table"),
        (
            'features = { numeric = "data.a.b", never = ["data.a"] }',
            "problem.return.features.numeric",
            "remove one",
        ),
        ('features = { category = ["data.a", "data.a"] }', "problem.return.features.category", "twice"),
        ('words = { "data.a" = 3 }', "problem.return.words", "write a string"),
        ('[problem.Next-One]\ntitle = "x"', "problem.Next-One", "a letter first"),
        ('[problem.next]\nask = { on = "a" }', "problem.next.title", "is missing; add title ="),
        ('[problem.next]\ntitle = "x"', "problem.next.ask", "add ask = { on ="),
        ('[problem.next]\ntitle = "x"', "problem.next", "add happens"),
        ('[problem.next]\nask = { on = "forestall.tick" }', "problem.next.ask.on", "Forestall's own"),
        ("[problem.next]\nask = { on = [] }", "problem.next.ask.on", "give 1 to 100"),
        ('[problem.next]\nask = { on = "a", keep = "first" }', "problem.next.ask.keep", '"last per day"'),
        ('[problem.next]\nhappens = { on = "a" }', "problem.next.happens.within", "is missing"),
        (
            '[problem.next]\nhappens = { on = "a", within = "731d" }',
            "problem.next.happens.within",
            "use 1s to 730d",
        ),
        (
            '[problem.next]\nhappens = { on = "a", within = "0d" }',
            "problem.next.happens.within",
            "use 1s to 730d",
        ),
        ('[histroy]\nspans = ["1d"]', "histroy", "did you mean history?"),
        ('[history]\nspans = ["7d", "1d"]', "history.spans", "shortest first: 1d, 7d"),
    ],
)
def test_each_mistake_is_told_with_its_key(line: str, key: str, part: str) -> None:
    """One wrong line beside a good problem gives a mistake at that key, with a remedy."""
    told = [mistake for mistake in mistakes(with_line(line)) if f": {key}: " in mistake]
    assert any(part in mistake for mistake in told), mistakes(with_line(line))


def test_costs_that_never_pay_are_told_beside_a_wrong_effectiveness() -> None:
    """No effectiveness could make up for them, so it does not matter that it cannot be read."""
    found = mistakes(RETURN + "costs = { miss = 1, contact = 10 }\neffectiveness = 1.5\n")
    assert len(found) == 2
    assert "contact (10) costs as much as a miss (1)" in found[0]
    assert "effectiveness: 1.5 is out of range" in found[1]


def test_a_question_after_silence_has_no_subject() -> None:
    """`same = "subject"` cannot be asked of a question that time asks."""
    text = '[problem.p]\ntitle = "x"\nask = { on = "a", silence = "1d" }\nanswered = { on = "b", yes = "data.c" }'
    assert mistakes(text) == [
        'a.toml:4: problem.p.answered.same: a question after silence has no subject; write same = "customer"'
    ]


def test_a_name_in_two_files_is_a_mistake() -> None:
    """The second file is told where the first one is."""
    assert mistakes(RETURN, RETURN) == [
        "b.toml:2: problem.return: is declared in a.toml too; rename one of them"
    ]


def test_two_files_cannot_disagree_about_history() -> None:
    """The same history twice is fine; another one is a mistake."""
    assert read(WHOLE, RETURN + '[history]\nspans = ["1h", "1d"]\ntypes = ["ticket.opened"]').history.types
    assert mistakes(WHOLE, RETURN + '[history]\nspans = ["1h"]') == [
        "b.toml:6: history: differs from that in a.toml; keep one of them"
    ]


def test_a_syntax_error_does_not_hide_the_rest() -> None:
    """After a slip in TOML reading goes on, in that file and in the others."""
    broken = '[problem.one]\ntitle = "open\nask = { on = "a", wher = "data.b" }\n' + RETURN + RETURN
    assert mistakes(broken, with_line("mode = 1")) == [
        "a.toml:2: TOML: Illegal character '\\n', at column 14; correct the TOML there",
        "a.toml:3: problem.one.ask.wher: is not known; did you mean where?",
        "a.toml:10: TOML: Cannot declare ('problem', 'return') twice, at column 16; correct the TOML there",
        "b.toml:2: problem.return: is declared in a.toml too; rename one of them",
        'b.toml:6: problem.return.mode: 1 is not known; write "live" or "shadow"',
    ]


def test_no_problem_at_all_is_a_mistake() -> None:
    """An empty catalogue is more likely a wrong file than a wish."""
    assert mistakes("") == ["catalogue: problem: no problem is declared; add a table [problem.NAME]"]
    assert mistakes("problem = 3") == [
        "a.toml:1: problem: 3 is not a table; write [problem.NAME] and its keys below"
    ]


@pytest.mark.parametrize(
    ("line", "is_same"),
    [
        ("costs = { miss = 100 }", True),
        ('action = { title = "Call" }\nwords = { "data.a" = "it" }', True),
        ('mode = "shadow"\ncritical = true\neffectiveness = 0.9\ngrace = "0d"', True),
        ('features = { never = ["data.a"] }', False),
        ('features = { numeric = ["data.a"] }', False),
    ],
)
def test_a_revision_changes_with_the_meaning_alone(line: str, is_same: bool) -> None:
    """Costs, texts, mode and the like keep the key; features change it."""
    before, after = (read(text).problems[0] for text in (RETURN, with_line(line)))
    assert (revision_key(before, History()) == revision_key(after, History())) is is_same


@pytest.mark.parametrize(
    "other", ['"order.paid"', '"order.placed", where = "data.a"', '"order.placed", keep = "last per day"']
)
def test_a_revision_changes_with_the_question(other: str) -> None:
    """Another event type, condition or choice of questions is another problem, as is another history."""
    before = read(RETURN).problems[0]
    after = read(RETURN.replace('"order.placed"', other)).problems[0]
    assert revision_key(before, History()) != revision_key(after, History())
    assert revision_key(before, History()) != revision_key(before, History(spans=(DAY,)))


def test_a_revision_is_the_same_on_every_machine() -> None:
    """The key of a known problem, as it was when states with it were first written."""
    assert revision_key(read(RETURN).problems[0], History()) == "829253ff"


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_the_shipped_catalogues_are_right(file: Path) -> None:
    """Every catalogue in deploy/ can be read."""
    assert parse([CatalogueFile(file.name, file.read_text(encoding="utf-8"))]).problems


def test_there_are_shipped_catalogues() -> None:
    """The three samples have theirs."""
    assert {"retail", "incidents", "helpdesk"} <= {file.stem for file in SHIPPED}


def rows() -> list[tuple[str, Key]]:
    """Every row of the table that is no section, with the place where it stands."""
    sections: dict[str, Section] = {"": PROBLEM, **PARTS, "history": HISTORY}
    return [
        (place, key)
        for place, section in sections.items()
        for key in section.keys
        if not isinstance(key.kind, Section)
    ]


@pytest.mark.parametrize(
    ("place", "key"), rows(), ids=lambda part: part.name if isinstance(part, Key) else part
)
def test_every_example_and_default_can_be_read(place: str, key: Key) -> None:
    """Examples of the reference work, and each default in it is the declaration's own."""
    for toml in filter(None, (key.example, key.default)):
        table = {"": {}, "ask": {"on": '"a"'}, "happens": {"on": '"a"', "within": '"1d"'}}.get(place, {})
        table = {**table, **({"on": '"a"', "yes": '"data.b"'} if place == "answered" else {}), key.name: toml}
        declared = parse([CatalogueFile("a", problem_with(place, table))])
        if toml == key.default:
            without = {name: value for name, value in table.items() if name != key.name}
            assert declared == parse([CatalogueFile("a", problem_with(place, without))])


def problem_with(place: str, table: dict[str, str]) -> str:
    """A problem (or history) in which the table's keys stand at `place`."""
    lines = "".join(f"{name} = {value}\n" for name, value in table.items())
    problem = {"title": '"x"', "ask": '{ on = "a" }', "happens": '{ on = "b", within = "1d" }'}
    if place == "history":
        return f"[history]\n{lines}[problem.p]\n" + "".join(f"{k} = {v}\n" for k, v in problem.items())
    if place == "answered":
        del problem["happens"]
    own = {name: value for name, value in problem.items() if name not in (place, *([] if place else table))}
    head = "[problem.p]\n" + "".join(f"{name} = {value}\n" for name, value in own.items())
    return head + (f"[problem.p.{place}]\n{lines}" if place else lines)


def test_the_reference_page_is_fresh(tmp_path: Path) -> None:
    """docs/catalogue.md is what the table of keys says, and the check notices if it is not."""
    assert catalogue_reference.main(["--check"]) == 0
    stale = tmp_path / "catalogue.md"
    stale.write_text("# Old\n", encoding="utf-8")
    assert catalogue_reference.main(["--check", str(stale)]) == 1
    assert catalogue_reference.main([str(stale)]) == 0
    assert catalogue_reference.main(["--check", str(stale)]) == 0
