"""Every error that Forestall raises on purpose, in one tree.

    ForestallError
    ├── ConfigurationError      a file, option or catalogue is wrong; lists every mistake
    ├── StateError              what is stored does not fit: newer version, other kernels, a hole in a log
    │   ├── StaleEpoch          another assignment owns the partition now
    │   ├── StalePosition       the chunk does not start where the state stands
    │   └── SequenceGap         a receiver was sent a sequence number above its mark + 1
    ├── UnknownAction           the queue has no such action, or has it no longer
    ├── LeaseLost               the action is in other hands by now
    ├── PositionLost            the held position is outside of the log (retention passed it)
    ├── BreakerOpen             too much input could not be processed
    ├── ServerFailed            a server that we start ourselves does not come up, or its package is missing
    ├── Unreachable             Kafka or Redis does not answer, or refuses what we ask
    └── ReplayStalled           nobody processes what is replayed

Each message says what, where, and what to do.
"""


class ForestallError(Exception):
    """Root of the tree."""


class ConfigurationError(ForestallError):
    """A file, option or catalogue is wrong. `mistakes` has one line for each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class StateError(ForestallError):
    """What is stored does not fit what runs."""


class StaleEpoch(StateError):
    """Another assignment has taken the partition; `holder` is its token."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"the partition is held by the newer assignment {holder}; drop this one's chunks")
        self.holder = holder


class StalePosition(StateError):
    """The chunk does not start at the state's position; seek to `position`."""

    def __init__(self, position: int, commit: str) -> None:
        super().__init__(
            f"the state stands at position {position} (commit {commit}); seek there and read again"
        )
        self.position = position
        self.commit = commit


class SequenceGap(StateError):
    """A record came with a number above mark + 1: something is missing in between."""


class PositionLost(ForestallError):
    """The log no longer has the position that the state holds."""


class BreakerOpen(ForestallError):
    """Too many dead letters; the worker stops and is not restarted."""


class ServerFailed(ForestallError):
    """A server that we start ourselves (the embedded broker or store) does not come up."""


class Unreachable(ForestallError):
    """Kafka or Redis does not answer, or refuses what we ask of it."""


class ReplayStalled(ForestallError):
    """A replay waits for its events to be processed, and nobody does."""


class UnknownAction(ForestallError):
    """The queue does not have the action: it never came, or was kept long enough."""

    def __init__(self, alert: str) -> None:
        super().__init__(f"the queue has no action {alert}; see `forestall queue list` for those it has")


class LeaseLost(ForestallError):
    """The claim's lease ran out or was given back, and the action is not this claim's; `state` is where it is."""

    def __init__(self, alert: str, state: str) -> None:
        super().__init__(f"action {alert} is {state} and not held by this claim; drop it and claim again")
        self.state = state
