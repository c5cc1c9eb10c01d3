"""A commit as the one flat argument list that commit.lua takes."""

from forestall.pipeline.store.values import Commit

Argument = str | bytes | int


def flat(commit: Commit) -> list[Argument]:
    """The arguments in commit.lua's order."""
    documents, due = commit.documents.items(), commit.due.items()
    lists: tuple[list[Argument], ...] = (
        [item for key, document in documents if document is not None for item in (key, document)],
        [key for key, document in documents if document is None],
        [item for key, ms in due if ms is not None for item in (ms, key)],
        [key for key, ms in due if ms is None],
    )
    arguments: list[Argument] = [
        commit.epoch, commit.commit_id, commit.expected_commit or "", commit.start, commit.end,
        *map(len, lists), len(commit.outboxes),
    ]  # fmt: skip
    for some in lists:
        arguments += some
    for destination, records in commit.outboxes.items():
        arguments += (destination, records[0].sequence, len(records))
        for _, key, payload in records:
            arguments += (b"-" if key is None else b"+" + key, payload)
    return arguments
