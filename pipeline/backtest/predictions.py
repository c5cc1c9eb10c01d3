"""Every question as a row of a gzipped CSV file, the same bytes every time."""

import csv
import gzip
import io
from pathlib import Path
from types import TracebackType

from forestall.pipeline.core.partition import Prediction

COLUMNS = (
    "problem",
    "question",
    "customer",
    "subject",
    "asked",
    "known",
    "p",
    "y",
    "treatment",
    "decision",
)


class PredictionsFile:
    """`with PredictionsFile(path) as write:` then `write(prediction)`, in any order; `path` appears when complete."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._raw = self._part.open("wb")
        packed = gzip.GzipFile("", "wb", 6, self._raw, mtime=0)
        self._text = io.TextIOWrapper(packed, "utf-8", "surrogatepass", newline="")
        self._rows = csv.writer(self._text, lineterminator="\n")
        self._rows.writerow(COLUMNS)

    def __call__(self, prediction: Prediction) -> None:
        """Writes one row: times in epoch seconds; y is 1, 0, or empty while unknown."""
        self._rows.writerow(
            (
                prediction.problem,
                prediction.question,
                prediction.customer,
                prediction.subject,
                _seconds(prediction.asked),
                _seconds(prediction.known),
                prediction.p,
                None if prediction.y is None else int(prediction.y),
                prediction.treatment,
                prediction.decision,
            )
        )

    def __enter__(self) -> "PredictionsFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._text.close()
        self._raw.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink()


def _seconds(ms: int | None) -> str:
    """Epoch seconds; with decimals only where there are any."""
    if ms is None:
        return ""
    return str(ms // 1000) if ms % 1000 == 0 else f"{ms / 1000:.3f}"
