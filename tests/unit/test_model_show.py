"""What was learned, shown: the numbers are the model's own, under the names of the catalogue."""

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from forestall.agents.cli.main import main
from forestall.pipeline.core.head import CONFIGURATION, Written
from forestall.pipeline.core.learning import ProblemState
from forestall.pipeline.core.models.filter import BayesianFilter
from forestall.pipeline.core.models.named import model_named
from forestall.pipeline.core.problem_document import decode_problem
from forestall.pipeline.core.scores import Window
from forestall.pipeline.core.versions import STATE_VERSION
from forestall.pipeline.inspection import model_view
from forestall.pipeline.sources.recording import Recording
from forestall.pipeline.store.values import Held, Reading, StoredState
from forestall.pipeline.verification.state_file import state_file, write_state
from tests.state_samples import FOLDER, events


@pytest.fixture(scope="module")
def states() -> dict[str, StoredState]:
    """The newest sample's states."""
    recording = Recording(FOLDER / str(STATE_VERSION))
    found = {name: recording.snapshot(name, 0) for name in ("foresee", "learn")}
    return {name: snapshot.state for name, snapshot in found.items() if snapshot is not None}


@pytest.fixture
def snapshot(states: dict[str, StoredState], tmp_path: Path) -> Path:
    """The same as `forestall state snapshot` keeps them."""
    return kept(states, tmp_path / "snapshot")


def kept(states: dict[str, StoredState], folder: Path) -> Path:
    """Writes the states."""
    for name, state in states.items():
        one = state_file("test", name, 0, Reading(Held(state.position, "last", None), state, None))
        assert one is not None
        write_state(folder, one)
    return folder


def shown(snapshot: Path, *arguments: str, code: int = 0) -> str:
    """What `model show` says of a snapshot."""
    done = CliRunner().invoke(main, ["model", "show", "--snapshot", str(snapshot), *arguments])
    assert done.exit_code == code, done.output
    return done.output


def views(snapshot: Path, *arguments: str) -> list[dict[str, Any]]:
    """Its documents."""
    return [json.loads(line) for line in shown(snapshot, "--json", *arguments).splitlines()]


def test_every_problem_is_shown_with_the_models_own_numbers(
    snapshot: Path, states: dict[str, StoredState]
) -> None:
    """Whatever stands in the state; a weight adds to the logit what the table says."""
    found = {view["problem"]: view for view in views(snapshot)}
    assert found.keys() == {"late", "lost", "return"}
    view, document = found["late"], states["learn"].documents["m/late"]
    state = decode_problem(document)
    assert isinstance(state.model, BayesianFilter)
    assert (view["answers"], view["learned"], view["gate_open"]) == (
        state.answers,
        state.model.answers,
        state.gate_open,
    )
    assert (view["bytes"], view["revision"], view["in_force"]) == (len(document), state.revision, True)
    assert (view["state_version"], view["dense"]) == (STATE_VERSION, state.model.slots)
    assert view["scores"]["auroc"] == pytest.approx(state.scores()["auroc"])
    assert len(view["features"]) == view["columns"] == state.model.columns
    by_name = {one["feature"]: one for one in view["features"]}
    size = by_name["data.size/now"]
    assert size["weight"] == pytest.approx(state.model.weights().table[2].max())
    assert size == max(view["features"], key=lambda one: one["size"])
    assert 1 < size["low"] < size["usual"] < size["high"] < 9
    assert size["known"] == 1.0
    assert by_name["data.amount/now"]["known"] < 1.0


def test_size_is_the_deviation_of_what_a_feature_adds() -> None:
    """Of normal values, bends included: as drawn by chance."""
    chance = np.random.default_rng(1)
    model = BayesianFilter(2)
    rows = chance.normal(size=(3_000, 2))
    for row in rows:
        model.learn(np.sign(row) * np.expm1(np.abs(row)), [], y=float(row[0] > 0.5))
    state = ProblemState("r", 0, "bayesian", model, Window(10))
    view = model_view("p", 0, state, Written(), 0, None, lambda hash_: None)
    weights = model.weights()
    terms = np.array([weights.terms(np.sign(row) * np.expm1(np.abs(row)), [])[0] for row in rows])
    measured = {f"column {j + 1}": terms[:, j].std() for j in range(2)}
    assert view.features[0].feature == "column 1"
    for feature in view.features:
        assert feature.size == pytest.approx(measured[feature.feature], rel=0.1)


def test_categories_have_the_names_that_are_known(snapshot: Path, tmp_path: Path) -> None:
    """Days, times and types by themselves; fields by the values of a file."""
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(value for _, value in events()))
    for arguments, named in (((), False), (("--events", str(file)), True)):
        [view] = views(snapshot, "return", *arguments)
        names = {(one["field"], one["value"]) for one in view["by_category"]}
        assert {("weekday", "Monday"), ("time of day", "00-03 h"), ("type", "order.placed")} <= names
        assert (("data.country", "FR") in names) is named
        assert ((None, None) not in names) is named
    [lost] = views(snapshot, "lost")
    assert ("type", "silence") in {(one["field"], one["value"]) for one in lost["by_category"]}


def test_maturity_is_the_share_of_questions_that_are_answered(
    snapshot: Path, states: dict[str, StoredState]
) -> None:
    """The open ones are counted where the customers are."""
    from forestall.pipeline.core.customer_document import decode_customer

    documents = states["foresee"].documents.items()
    waiting = sum(decode_customer(d).open.get("lost", 0) for key, d in documents if key.startswith("c/"))
    [view] = views(snapshot, "lost")
    assert view["open_questions"] == waiting > 0
    assert view["maturity"] == pytest.approx(view["answers"] / (view["answers"] + waiting))


def test_a_table_says_it_to_people(snapshot: Path) -> None:
    """Most moving first, no more than asked for."""
    told = shown(snapshot, "late", "--top", "2")
    lines = told.splitlines()
    assert lines[0] == "late: Will be closed late"
    assert "gate open" in told
    assert "λ = 0: does not count" in told
    rows = lines[next(i for i, line in enumerate(lines) if line.startswith("feature")) + 1 :]
    assert rows[0].startswith("size ")
    assert rows[2] == ""
    assert "return:" not in told


def test_names_go_with_the_catalogue_that_had_them(states: dict[str, StoredState], tmp_path: Path) -> None:
    """Another revision's names would be wrong names; without any configuration there are none."""
    configuration = states["foresee"].documents[CONFIGURATION].replace(b"data.size", b"data.sice")
    foresee = states["foresee"]
    changed = foresee._replace(documents=foresee.documents | {CONFIGURATION: configuration})
    folder = kept({**states, "foresee": changed}, tmp_path / "other")
    [late] = views(folder, "late")
    assert (late["in_force"], late["title"]) == (False, "Will be closed late")
    assert {one["feature"] for one in late["features"]} == {f"column {n + 1}" for n in range(late["columns"])}
    assert "no longer in force" in shown(folder, "late")
    alone = kept({"learn": states["learn"]}, tmp_path / "alone")
    [late] = views(alone, "late")
    assert (late["in_force"], late["title"]) == (None, None)


def test_what_was_never_learned_is_said(snapshot: Path) -> None:
    """With where to look; another partition has none of it."""
    assert "forestall catalogue show" in shown(snapshot, "nothing", code=1)
    assert shown(snapshot, "--partition", "7") == "nothing has been learned yet\n"


def test_a_model_without_weights_is_shown_without_them() -> None:
    """A backtest's River classifier, say."""
    model = model_named("naive-bayes", ("one",), 0)
    view = model_view(
        "p", 3, ProblemState("r", 0, "", model, Window(10)), Written(), 7, None, lambda hash_: None
    )
    assert (view.features, view.by_category, view.columns, view.partition) == ([], [], 0, 3)
    assert msgspec.json.encode(view)
