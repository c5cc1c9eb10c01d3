"""One journal partition while it runs: its head, program, models and working set, and the effects so far."""

from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from zlib import crc32

import msgspec

from forestall.pipeline.core.blanks import blank_alert, blank_answer
from forestall.pipeline.core.deadletters import dead_letter
from forestall.pipeline.core.effects import Effect, Record, answers_to
from forestall.pipeline.core.head import Head
from forestall.pipeline.core.models.blended import Blended
from forestall.pipeline.core.models.forest import Forest
from forestall.pipeline.core.models.protocol import Learned
from forestall.pipeline.core.models.weights import Weights
from forestall.pipeline.core.program import Compiled, Program, compile_configuration, empty_program
from forestall.pipeline.core.versions import opened, sealed
from forestall.pipeline.core.working import WorkingSet
from forestall.schemas.answer import Treatment
from forestall.schemas.catalogue import Configuration
from forestall.schemas.deadletter import Cause
from forestall.schemas.notice import ModelNotice

MODEL, TREES = "m/", "t/"


class NoticedModel(msgspec.Struct, array_like=True, kw_only=True):
    """A problem's model as learn last noticed it; stored as a document of its own."""

    revision: str
    answers: int
    base_rate: float
    offset_counts: bool
    gate_open: bool
    weights: bytes
    fitted: int = 0
    share: float = 0.0
    level: float = 0.0


class NoticedTrees(msgspec.Struct, array_like=True, kw_only=True):
    """Boosted trees as learn last noticed them: which, and their stored form; a document of its own."""

    fitted: int
    forest: bytes


class Model(msgspec.Struct, frozen=True):
    """A noticed model, ready to predict."""

    noticed: NoticedModel
    weights: Learned


#: Makes a model ready to predict, out of its problem's name and what its notice carried.
ReadModel = Callable[[str, bytes], Learned]


def read_weights(problem: str, data: bytes) -> Learned:
    """What a notice carries live: the weights themselves."""
    return Weights.from_bytes(data)


class Prediction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One question as `--predictions` lists it; `y` is None while unknown."""

    problem: str
    question: str
    customer: str
    subject: str | None
    asked: int
    known: int | None
    p: float
    y: bool | None
    treatment: Treatment
    decision: str


#: Is told of every question when it ends.
Predicted = Callable[[Prediction], None]


class Partition:
    """What foresee's steps work on. `place` is the journal's topic and partition. `predicted` hears of every
    question as it ends, where somebody listens (the backtest)."""

    def __init__(
        self,
        place: tuple[str, int],
        answers_partitions: int,
        read_model: ReadModel,
        predicted: Predicted | None,
    ) -> None:
        self.place = place
        self.sender = f"foresee/{place[1]}"
        self.answers_partitions = answers_partitions
        self._run_by(empty_program())
        self.head = Head()
        self.configuration: Configuration | None = None
        self.configuration_changed = False
        self.models: dict[str, Model] = {}
        self.models_changed: set[str] = set()
        self.trees: dict[str, tuple[NoticedTrees, Forest]] = {}
        self.trees_changed: set[str] = set()
        self.working = WorkingSet()
        self.effects: list[Effect] = []
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.read_model = read_model
        self.predicted = predicted

    def start(self, head: Head, configuration: Configuration | None) -> None:
        """Takes the stored head and configuration."""
        self.head = head
        if configuration is None:
            self._remember_layout()
        else:
            self.configure(configuration)

    def configure(self, configuration: Configuration) -> None:
        """Compiles the configuration and puts it in force. Raises ConfigurationError, and nothing has changed."""
        self._run_by(compile_configuration(configuration))
        self.configuration = configuration
        self._remember_layout()
        problems = self.program.problems
        since = self.head.since
        self.head.since = {
            name: since[name]
            if since.get(name, ("",))[0] == c.revision
            else (c.revision, configuration.version)
            for name, c in problems.items()
        }
        for name, model in list(self.models.items()):
            if name not in problems or problems[name].revision != model.noticed.revision:
                del self.models[name]
                self.models_changed.add(name)
                if self.trees.pop(name, None) is not None:
                    self.trees_changed.add(name)

    def admit_model(self, name: str, document: bytes) -> None:
        """Takes a stored model."""
        self._put_in_force(name, _decode_model(opened("model", document)))

    def admit_trees(self, name: str, document: bytes) -> None:
        """Takes stored trees; before the model that they belong to."""
        self._keep_trees(name, _decode_trees(opened("trees", document)))

    def take_notice(self, notice: ModelNotice) -> None:
        """Takes one part of a learned model; with the last part the model is in force."""
        parts = self.head.parts
        received = parts.setdefault(notice.problem, []) if notice.part else []
        received.append(notice.weights)
        if notice.part + 1 < notice.parts:
            parts[notice.problem] = received
            return
        parts.pop(notice.problem, None)
        compiled = self.program.problems.get(notice.problem)
        if compiled is None or compiled.revision != notice.revision:
            self.counts["ignored_events", "notice_of_other_revision"] += 1
            return
        told = b"".join(received)
        noticed = NoticedModel(
            revision=notice.revision,
            answers=notice.answers,
            base_rate=notice.base_rate,
            offset_counts=notice.offset_counts,
            gate_open=notice.gate_open,
            weights=told[: len(told) - notice.trees],
            fitted=notice.fitted,
            share=notice.share,
            level=notice.level,
        )
        if notice.trees:
            forest = told[len(told) - notice.trees :]
            self._keep_trees(notice.problem, NoticedTrees(fitted=notice.fitted, forest=forest))
            self.trees_changed.add(notice.problem)
        self._put_in_force(notice.problem, noticed)
        self.models_changed.add(notice.problem)

    def _keep_trees(self, name: str, noticed: NoticedTrees) -> None:
        self.trees[name] = noticed, Forest.from_bytes(noticed.forest)

    def _put_in_force(self, name: str, noticed: NoticedModel) -> None:
        """Makes the model ready; with the trees that it means, where these have come."""
        learned = self.read_model(name, noticed.weights)
        trees = self.trees.get(name)
        if isinstance(learned, Weights) and noticed.share and trees and trees[0].fitted == noticed.fitted:
            learned = Blended(learned, trees[1], noticed.share, noticed.level)
        self.models[name] = Model(noticed, learned)

    def dead_letter(self, record: Record, cause: Cause, detail: str) -> None:
        """Keeps a record that cannot be processed, with its cause."""
        self.effects.append(dead_letter(self.head, self.sender, self.place, record, cause, detail))
        self.counts["dead_letters", cause] += 1

    def emit(self, destination: str, sequence: int, key: str | None, payload: bytes) -> None:
        """Adds an effect that was numbered with `head.next_sequence`."""
        self.effects.append(Effect(destination, sequence, key.encode() if key is not None else None, payload))

    def keyed_hash(self, name: str) -> str:
        """A hash under the configuration's salt: stable, and names nobody. Parts of the name stand between `\\0`."""
        digest = self._keyed.copy()
        digest.update(name.encode(errors="surrogatepass"))
        return digest.hexdigest()

    def question_id(self, key: str, number: int) -> str:
        """How a customer's question is known outside."""
        return self.keyed_hash(f"{key}\0{number}")

    def problem(self, name: str) -> Compiled:
        """A problem of the program in force."""
        return self.program.problems[name]

    def _run_by(self, program: Program) -> None:
        self.program = program
        self.blank_answers = {
            name: blank_answer(self.sender, compiled, program.version)
            for name, compiled in program.problems.items()
        }
        self.blank_alerts = {
            name: blank_alert(self.sender, name, compiled) for name, compiled in program.problems.items()
        }
        self._keyed = blake2b(digest_size=8, key=program.salt[:64])
        self.answers_of = {
            name: answers_to(crc32(name.encode()) % self.answers_partitions) for name in program.problems
        }

    def _remember_layout(self) -> None:
        """Customers may be stored with its places from now on."""
        layout = self.program.layout
        self.head.layouts.setdefault(layout.key, layout.places)


def encode_model(model: Model) -> bytes:
    """A model's document."""
    return sealed(_encode_model(model.noticed))


def encode_trees(trees: NoticedTrees) -> bytes:
    """The trees' document."""
    return sealed(_encode_model(trees))


_encode_model = msgspec.msgpack.Encoder().encode
_decode_model = msgspec.msgpack.Decoder(NoticedModel).decode
_decode_trees = msgspec.msgpack.Decoder(NoticedTrees).decode
