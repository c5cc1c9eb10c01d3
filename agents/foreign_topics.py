"""What the intake must know before it starts: the mappings of its file, and the foreign topics as they are."""

from collections.abc import Collection, Mapping
from pathlib import Path

from forestall.agents.intake import ForeignTopic
from forestall.agents.kafka_clients import admin
from forestall.agents.settings import Settings
from forestall.pipeline.errors import ConfigurationError
from forestall.pipeline.sources.mapping_file import read_mappings

#: What a broker that knows no topic ids says.
NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"


def foreign_topics(settings: Settings) -> list[ForeignTopic]:
    """The topics that the setting `intake` maps; none without it. Raises ConfigurationError, all at once."""
    if not settings.intake:
        return []
    file = Path(settings.intake)
    try:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise ConfigurationError(
            [f"{file}: cannot be read ({error.strerror}); name a file that exists"]
        ) from error
    mappings = read_mappings(text, settings.intake)
    with admin(settings) as client:
        ids = topic_ids(client.describe_topics([mapping.topic for mapping in mappings]))
    mistakes = [f"{file}: intake.topic: {m}" for m in _mistakes({m.topic for m in mappings}, ids, settings)]
    if mistakes:
        raise ConfigurationError(mistakes)
    return [ForeignTopic(mapping, ids[mapping.topic]) for mapping in mappings]


def topic_ids(described: Collection[Mapping[str, object]]) -> dict[str, str]:
    """Each existing topic's id; its name where the broker knows no ids."""
    found = {}
    for topic in described:
        if not topic.get("error_code"):
            name, identity = str(topic["name"]), str(topic.get("topic_id") or "")
            found[name] = name if not identity.strip("0-") or identity == NO_ID else identity
    return found


def _mistakes(topics: set[str], ids: Mapping[str, str], settings: Settings) -> list[str]:
    ours = set(settings.topics) & topics
    return [f"{topic} is Forestall's own; name a topic of other systems" for topic in sorted(ours)] + [
        f"{topic} does not exist; create it, or correct its name"
        for topic in sorted(topics - ids.keys() - ours)
    ]
