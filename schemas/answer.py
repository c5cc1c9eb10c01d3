"""What the answers topic holds: from foresee a question with its features, prediction, treatment and label."""

from typing import Literal

import msgspec

from forestall.schemas.catalogue import Configuration
from forestall.schemas.trees import FittedTrees

Treatment = Literal["untouched", "contacted", "held_out", "suppressed"]
#: `open`: there is no answer yet, and an answer is late from now on; `late`: the answer to such a question.
Stage = Literal["answered", "open", "late"]


class Answer(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="answer", gc=False, omit_defaults=True
):
    """An answered question. It names no customer; `question` is a keyed hash.

    `catalogue` is the configuration's version, `revision` the problem's under it. `asked` and `known` are epoch
    milliseconds of event time. `features` is little-endian float32 (NaN is missing), one a column of the
    problem's layout, of which the first `history` tell of the past; `categories` are 32-bit hashes. `offset`
    and `variance` are the customer's residual
    (logits) before it learned this answer. `threshold` is what p was held against. `sequence` counts per sender.
    While the `stage` is open, `y` says nothing, and `known` is when an answer began to be late.
    `model` names what learns the problem, by the catalogue.
    """

    sender: str
    sequence: int
    problem: str
    revision: str
    catalogue: int
    question: str
    asked: int
    known: int
    y: bool
    p: float
    offset: float
    variance: float
    weight: float
    threshold: float
    treatment: Treatment
    raised: bool
    history: int
    features: bytes
    categories: list[int]
    stage: Stage = "answered"
    model: str = "bayesian"


AnswersRecord = Answer | Configuration | FittedTrees

decode_answers_record = msgspec.json.Decoder(AnswersRecord).decode
