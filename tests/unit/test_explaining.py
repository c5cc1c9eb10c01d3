"""Reasons: they name what raised the probability, and without it the probability is lower."""

import gzip
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import pytest

from forestall.pipeline.core import deciding
from forestall.pipeline.core.asking import predict
from forestall.pipeline.core.catalogue.parse import parse
from forestall.pipeline.core.customer import Customer
from forestall.pipeline.core.effects import Record
from forestall.pipeline.core.explaining import OWN_TERM, reasons_for
from forestall.pipeline.core.models.blended import Blended
from forestall.pipeline.core.partition import Model
from forestall.pipeline.core.program import Compiled, category_hash, compile_program, empty_program
from forestall.pipeline.core.rows import Columns
from forestall.pipeline.core.wording import figure, sentence, title
from forestall.pipeline.inline import Inline
from forestall.pipeline.sources.event_line import read_line
from forestall.schemas.alert import Reason
from forestall.schemas.catalogue import CatalogueFile, Configuration
from forestall.schemas.event import encode
from tests.scenarios.samples import CATALOGUES, SAMPLES


class Explained(NamedTuple):
    """What an alert's reasons were made of, its probability, and what each would have been without one reason."""

    p: float
    reasons: list[Reason]
    without: list[float]


def usual_value(model: Model, column: int) -> float:
    """The value whose encoded form is the mean of all."""
    encoded = model.weights.usual(column)
    return float(np.sign(encoded) * np.expm1(abs(encoded)))


def without(
    reason: Reason,
    compiled: Compiled,
    model: Model,
    row: Columns,
    categories: Sequence[int],
    customer: Customer,
) -> float:
    """The probability with this one feature as it usually is: a number at its mean, a category unknown, no own term."""
    name = compiled.problem.name
    if reason.feature == OWN_TERM:
        logit = model.weights.logit(row, categories)
        return predict(model, logit, Customer(empty_program().layout, 0), name)
    if reason.feature in compiled.names:
        changed = row.copy()
        column = compiled.names.index(reason.feature)
        changed[column] = usual_value(model, column)
        return predict(model, model.weights.logit(changed, categories), customer, name)
    dropped = category_hash(reason.feature, reason.value)
    assert dropped in categories
    rest = [hash_ for hash_ in categories if hash_ != dropped]
    return predict(model, model.weights.logit(row, rest), customer, name)


def explained(
    sample: str,
    events: int,
    monkeypatch: pytest.MonkeyPatch,
    only: type | None = None,
    model: str | None = None,
) -> list[Explained]:
    """Every alert of a sample's first events, with its reasons taken away one by one; `only` these models'."""
    found: list[Explained] = []

    def taking_away(
        compiled: Compiled,
        model: Model,
        row: Columns,
        categories: Sequence[int],
        labels: object,
        customer: Customer,
    ) -> list[Reason]:
        made = reasons_for(compiled, model, row, categories, labels, customer)  # type: ignore[arg-type]
        p = predict(model, model.weights.logit(row, categories), customer, compiled.problem.name)
        rest = [without(r, compiled, model, row, categories, customer) for r in made if r.weight > 0.0]
        if only is None or isinstance(model.weights, only):
            found.append(Explained(p, made, rest))
        return made

    monkeypatch.setattr(deciding, "reasons_for", taking_away)
    inline = Inline(1, model=model)
    text = (CATALOGUES / f"{sample}.toml").read_text()
    configuration = Configuration(version=0, files=[CatalogueFile(sample, text)], salt="")
    own = {"specversion": "1.0", "id": "1", "source": "t", "type": "forestall.catalogue",
           "time": "2000-01-01T00:00:00Z", "data": configuration}  # fmt: skip
    inline.feed_all(Record(0, 0, None, encode(own)))
    with gzip.open(SAMPLES / f"{sample}.jsonl.gz", "rb") as lines:
        for offset, line in enumerate(islice(lines, events)):
            read = read_line(line)
            assert read.ms is not None
            inline.feed(0, Record(offset, read.ms, read.key, line.rstrip(b"\n")))
    return found


@pytest.mark.parametrize(("sample", "events"), [("helpdesk", 6_000), ("retail", 7_000)])
def test_without_a_named_reason_the_probability_is_lower(
    sample: str, events: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every reason of every alert raised; and the first is the one without which it falls most."""
    alerts = explained(sample, events, monkeypatch)
    assert len(alerts) > 300
    kinds: Counter[str] = Counter()
    for alert in alerts:
        for reason, p in zip(alert.reasons, alert.without, strict=False):
            assert p < alert.p, reason
            kinds["number" if isinstance(reason.value, float) else "category" if reason.value else "own"] += 1
        assert alert.without == sorted(alert.without)
    assert min(kinds["number"], kinds["category"]) > 100, kinds


def test_reasons_hold_where_trees_are_heard_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees have no slope that a usual value takes away, so that one reason in fifty may fall short, by little."""
    alerts = explained("helpdesk", 14_000, monkeypatch, only=Blended, model="boosted")
    assert len(alerts) > 300
    changes = [p - alert.p for alert in alerts for p in alert.without]
    assert np.mean(np.array(changes) >= 0.0) < 0.02
    assert max(changes) < 0.02


def test_reasons_of_the_shipped_catalogues_are_sentences_with_their_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No placeholder is left, no name of a column stands in the text, and numbers have no exponent."""
    texts = {reason.text for alert in explained("retail", 7_000, monkeypatch) for reason in alert.reasons}
    assert any(
        text.startswith("about ") and " returns in the last 30 days (usually " in text for text in texts
    )
    assert any(text.startswith("the customer orders from ") for text in texts)
    for text in texts:
        assert not any(sign in text for sign in ("{", "}", "/", "e+", "data.")), text


@pytest.mark.parametrize(
    ("words", "feature", "value", "text"),
    [
        ({}, "order.returned/30 d", 3.0, "about 3 order.returned in the last 30 days (usually 0.4)"),
        ({"order.returned": "returns"}, "order.returned/30 d", 3.0,
         "about 3 returns in the last 30 days (usually 0.4)"),
        ({"order.returned": "returns"}, "order.returned/1 d", 1.5, "about 1.5 returns in the last day (usually 0.4)"),
        ({"order.returned/30 d": "{value} came back, {usual} is usual"}, "order.returned/30 d", 3.0,
         "3 came back, 0.4 is usual"),
        ({"order.returned": "returns"}, "order.returned/days since", 7.0,
         "the last of returns was 7 days ago (usually 0.4)"),
        ({}, "any other event/days since", 7.0, "the last of other events was 7 days ago (usually 0.4)"),
        ({}, "order.placed/gaps overdue", 2.0,
         "order.placed took 2 times the customer's usual gap (usually 0.4)"),
        ({}, "data.order_value/now", 12_345.6, "order value is 12,346 (usually 0.4)"),
        ({"data.order_value": "the order's worth"}, "data.order_value/now", 99.0,
         "the order's worth is 99 (usually 0.4)"),
        ({}, "data.country", "DE", "country is DE"),
        ({"data.country": "the country"}, "data.country", "DE", "the country is DE"),
        ({"data.country": "it goes to {value}"}, "data.country", "DE", "it goes to DE"),
        ({}, "weekday", "Monday", "it is a Monday"),
        ({"weekday": "it came on a busy day"}, "weekday", "Monday", "it came on a busy day"),
        ({}, "past answers", 12.0, "12 earlier cases of this customer are known (usually 0.4)"),
    ],
)  # fmt: skip
def test_a_feature_is_told_in_a_sentence(
    words: dict[str, str], feature: str, value: float | str, text: str
) -> None:
    """In the catalogue's words, which are a sentence of its own or what the thing is called."""
    assert sentence(words, feature, value, 0.4) == text


def test_every_column_and_category_has_a_sentence_and_a_title() -> None:
    """Also those that no catalogue has words for."""
    for path in sorted(CATALOGUES.glob("*.toml")):
        program = compile_program(parse([CatalogueFile(path.name, path.read_text())]))
        for compiled in program.problems.values():
            for name in (*compiled.names, *compiled.category_names):
                assert "7" in sentence({}, name, 7.0, 0.4), name
                assert title({}, name), name


def test_figures_are_short() -> None:
    """Two digits below ten, three below a thousand, then whole."""
    assert [figure(x) for x in (0.0, 0.004, 0.05, 0.999, 9.96, 99.96, 999.4, 999.6, -1500.0)] == [
        "0", "0", "0.05", "1", "10", "100", "999", "1,000", "-1,500"
    ]  # fmt: skip
