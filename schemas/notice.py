"""What learn tells every journal partition: a problem's learned model and the state of its skill gate."""

from typing import Literal

import msgspec

from forestall.schemas.event import MODEL_NOTICE, Moment


class ModelNotice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One part of a learned model. `weights` of all parts (0 .. parts-1) joined decode to the model's weights; behind
    them stand `trees` bytes of boosted trees, where these are new.

    `sequence` counts per sender over all its notices; `answers` is how many answers it has learned;
    `offset_counts` is λ (1 while the customers' residuals lower the log loss); `gate_open` is the skill gate.
    `share` is that of the boosted trees in the logit, 0 while they are not heard; `fitted` says which trees are meant,
    and `level` how far their logit is above that of the weights.
    """

    sender: str
    sequence: int
    problem: str
    revision: str
    answers: int
    base_rate: float
    offset_counts: bool
    gate_open: bool
    part: int
    parts: int
    weights: bytes
    trees: int = 0
    fitted: int = 0
    share: float = 0.0
    level: float = 0.0


class NoticeEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A journal event that carries a notice to one partition."""

    id: str
    source: str
    time: Moment
    data: ModelNotice
    type: Literal["forestall.notice.model"] = MODEL_NOTICE
    specversion: Literal["1.0"] = "1.0"


decode_notice_event = msgspec.json.Decoder(NoticeEvent).decode
