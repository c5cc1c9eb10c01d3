"""Boosted trees live: a record of the answers' log, which learn takes, weighs and tells foresee of."""

from itertools import count

import msgspec
import numpy as np
import pytest

from forestall.pipeline.core.effects import NOTICES, Changes, Record
from forestall.pipeline.core.foresee import Foresee
from forestall.pipeline.core.head import CONFIGURATION, HEAD, encode_configuration, encode_head
from forestall.pipeline.core.learn import Learn
from forestall.pipeline.core.models.blended import Blended
from forestall.pipeline.core.models.boosted import Boosted
from forestall.pipeline.core.models.weights import Weights
from forestall.pipeline.core.partition import encode_model, encode_trees
from forestall.pipeline.training.trainer import Trainer
from forestall.schemas.answer import Answer
from forestall.schemas.event import encode
from forestall.schemas.notice import ModelNotice, decode_notice_event
from forestall.schemas.trees import FittedTrees
from tests.builders.scene import Scene
from tests.unit.contract_samples import ANSWER

CATALOGUE = """
[problem.return]
title = "Will be sent back"
model = "boosted"
ask = { on = "order.placed" }
happens = { on = "order.returned", within = "30d" }
grace = "0d"
features = { numeric = ["data.amount"], category = ["data.country"] }
"""
COLUMNS = 2


class Log:
    """An answers partition: learn over it, and a trainer beside it. What comes is in `notices`."""

    def __init__(self) -> None:
        self.core = Learn(0)
        self.notices: list[ModelNotice] = []
        self.counts: dict[tuple[str, ...], int] = {}
        self.store: dict[str, bytes | None] = {}
        self.trainer = Trainer()
        self._offsets, self._sequences = count(), count(1)
        self._random = np.random.default_rng(5)

    def append(self, value: bytes) -> int:
        """One record, committed; the broker's clock is a second later each time."""
        offset = next(self._offsets)
        records = [Record(offset, 1_000 * offset, None, value)]
        while missing := self.core.run(records, 0, 1).missing:
            self.core.admit({key: self.store.get(key) for key in missing})
        changes: Changes = self.core.take_changes()
        self.core.committed(100)
        self.store |= changes.documents
        self.notices += [
            decode_notice_event(e.payload).data for e in changes.effects if e.destination == NOTICES
        ]
        for key, n in changes.counts.items():
            self.counts[key] = self.counts.get(key, 0) + n
        return offset

    def wave(self, **changes: object) -> Answer:
        """An answer that changes six times along the first column: trees can tell, a line cannot."""
        x = self._random.uniform(-3, 4, COLUMNS)
        features = {"features": x.astype("<f4").tobytes(), "y": bool(np.floor(x[0]) % 2), "offset": 0.0}
        plain = {
            "categories": [7],
            "weight": 1.0,
            "history": 0,
            "model": "boosted",
            "sequence": next(self._sequences),
        }
        return msgspec.structs.replace(ANSWER, **{**features, **plain, **changes})

    def answers(self, number: int, **changes: object) -> "Log":
        """So many answers, heard by the trainer too; trees when they are due."""
        for _ in range(number):
            answer = self.wave(**changes)
            self.trainer.answered(answer, self.append(encode(answer)))
            for trees in list(self.trainer.due()):
                self.append(encode(trees))
        return self

    def restart(self) -> "Log":
        """Another worker takes the partition."""
        self.core = Learn(0)
        return self


@pytest.fixture(scope="module")
def log() -> Log:
    """1,300 answers: trees came three times."""
    return Log().answers(1_300)


def test_trees_are_told_once_and_their_share_with_every_notice(log: Log) -> None:
    """Once they are heard; what notices carry each time is no larger for them."""
    assert log.counts["trees_taken", "return"] == 3
    told = [notice for notice in log.notices if notice.trees]
    assert [notice.fitted for notice in told] == sorted({n.fitted for n in log.notices if n.share})
    assert 1 <= len(told) <= 3
    since = log.notices[log.notices.index(told[0]) :]
    assert all(0.0 < notice.share < 0.5 for notice in since)
    assert max(len(notice.weights) for notice in since if not notice.trees) < min(n.trees for n in told)


def test_a_notice_comes_with_the_first_answer_after_the_trees(log: Log) -> None:
    """They are not left lying until 1 % more answers are in."""
    last = max(notice.fitted for notice in log.notices)
    first = next(notice for notice in log.notices if notice.fitted == last)
    before = log.notices[log.notices.index(first) - 1]
    assert first.answers == 1_201
    assert before.answers < 1_200


def test_a_restart_between_two_answers_changes_no_byte() -> None:
    """The trees, how they do, and what was told of them are in the state."""
    one, other = Log().answers(900), Log().answers(450).restart().answers(160).restart().answers(290)
    assert one.store == other.store
    assert one.notices == other.notices


def test_scores_tell_how_the_trees_do(log: Log) -> None:
    """And none where there are none."""
    scores = log.core.scores()["return"]
    assert scores["challenger_heard"] == 1.0
    assert 0.0 < scores["challenger_gain_lower"] < scores["challenger_gain"]
    assert "challenger_gain" not in Log().answers(10).core.scores()["return"]


def test_trees_that_came_before_or_for_another_are_counted_and_left_alone() -> None:
    """Sent twice, of another revision, for a problem that is unknown or does not ask: no byte of the state changes."""
    log = Log().answers(310)
    trees = FittedTrees(problem="return", revision="r-1", answers=1, through=0, rows=1, forest=b"")
    state = log.core._problems["return"]
    assert state is not None
    assert isinstance(state.model, Boosted)
    good = msgspec.structs.replace(trees, forest=state.model.stored_forest, through=9_999)
    before = log.store["m/return"]
    log.append(encode(msgspec.structs.replace(good, through=299)))
    log.append(encode(msgspec.structs.replace(good, revision="r-0")))
    log.append(encode(msgspec.structs.replace(good, problem="other")))
    assert log.store["m/return"] == before
    assert log.counts["ignored_events", "repeated_trees"] == 1
    assert log.counts["ignored_events", "trees_of_other_revision"] == 2
    log.append(encode(good))
    assert log.store["m/return"] != before


def test_trees_that_cannot_be_read_are_a_dead_letter(log: Log) -> None:
    """They take nothing down."""
    log.append(
        encode(FittedTrees(problem="return", revision="r-1", answers=1, through=10**9, rows=1, forest=b"no"))
    )
    assert log.counts["dead_letters", "wrong_shape"] == 1


def test_trees_join_what_was_learned_when_the_catalogue_asks_for_them_and_leave_it_alone_again() -> None:
    """Only a later version says so, and nothing that the filter has learned is lost."""
    log = Log().answers(50, model="bayesian").answers(50)
    state = log.core._problems["return"]
    assert state is not None
    assert state.kind == "bayesian"
    log.answers(1, catalogue=5).answers(1, model="bayesian")
    assert (state.kind, state.model.answers, state.answers) == ("boosted", 102, 102)
    log.answers(1, catalogue=6, model="bayesian")
    assert (state.kind, state.model.answers, state.answers) == ("bayesian", 103, 103)


def test_another_learner_begins_anew_with_its_gate_closed() -> None:
    """What the one has learned is nothing to the other; nothing is raised on its first guesses."""
    log = Log().answers(60).answers(3, catalogue=5, model="river.linear_model.LogisticRegression").restart()
    log.answers(1, catalogue=5, model="river.linear_model.LogisticRegression")
    state = log.core._problems["return"]
    assert state is not None
    assert (state.kind, state.model.answers, state.answers, state.gate_open) == (
        "river.linear_model.LogisticRegression", 4, 4, False
    )  # fmt: skip


def test_foresee_predicts_with_the_trees_that_the_notice_means(log: Log) -> None:
    """Both at once, or the weights alone where the trees have not come; and so after a restart."""
    scene = Scene(CATALOGUE)
    revision = scene.core.state.program.problems["return"].revision
    heard = [notice for notice in log.notices if notice.share]
    for n, notice in enumerate(heard, 1):
        scene.notice(msgspec.structs.replace(notice, revision=revision, sequence=n))
        learned = scene.core.state.models["return"].weights
        assert isinstance(learned, Blended)
        assert (learned.share, learned.level) == (notice.share, notice.level)
        assert notice.level != 0.0
    state, again = scene.core.state, Foresee(0, answers_partitions=1)
    assert state.configuration is not None
    again.admit({HEAD: encode_head(state.head), CONFIGURATION: encode_configuration(state.configuration)})
    again.admit(
        {"m/return": encode_model(state.models["return"]), "t/return": encode_trees(state.trees["return"][0])}
    )
    restored = again.state.models["return"].weights
    row, categories = np.array([1.5, -1.0], np.float32), [7]
    assert restored.logit(row, categories) == learned.logit(row, categories)
    without = msgspec.structs.replace(heard[-1], revision=revision, sequence=len(heard) + 1, fitted=10**9)
    scene.notice(without)
    assert isinstance(scene.core.state.models["return"].weights, Weights)


def test_trees_go_with_the_revision_that_they_were_fitted_to(log: Log) -> None:
    """Another question's trees say nothing about this one; they leave the store too."""
    scene = Scene(CATALOGUE)
    revision = scene.core.state.program.problems["return"].revision
    notice = next(notice for notice in log.notices if notice.trees)
    scene.notice(msgspec.structs.replace(notice, revision=revision, sequence=1))
    assert scene.core.state.trees
    scene.configure(CATALOGUE.replace('"30d"', '"20d"'))
    assert not scene.core.state.trees
