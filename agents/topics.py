"""The topics: what they must be, creating what is missing, and telling what differs."""

from typing import Any, Literal, NamedTuple

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAlreadyExistsError

from forestall.agents.kafka_clients import admin
from forestall.agents.settings import Settings

#: created: was missing and is there now. differs: is there and is wrong; `remedy` says what to do.
#: unknown: the broker does not tell. (The embedded one tells LogAppendTime and ignores it: its records have
#: the producer's time, so whoever writes there sends the time of now.)
Kind = Literal["created", "differs", "unknown"]

_DAY_MS = 86_400_000
#: A dead letter holds a whole event, in base64 (4/3) with its reason around it.
_DEAD_LETTER_ROOM = 65_536


class Topic(NamedTuple):
    """What a topic must be. `config` are Kafka's own topic settings."""

    name: str
    partitions: int
    config: dict[str, str]


class Difference(NamedTuple):
    """One thing about a topic that was not as it must be."""

    kind: Kind
    topic: str
    what: str
    wanted: str
    found: str | None
    remedy: str

    def __str__(self) -> str:
        if self.kind == "created":
            return f"{self.topic}: created with {self.wanted}"
        found = "not told by this broker" if self.found is None else f"is {self.found}"
        return f"{self.topic}: {self.what} {found}, should be {self.wanted}; {self.remedy}"


def plan(settings: Settings) -> list[Topic]:
    """Every topic as it must be, in the order in which they are created."""
    topics = settings.topics
    kept = {"cleanup.policy": "delete", "retention.ms": _retention(settings), "retention.bytes": "-1"}
    journal = {**kept, "message.timestamp.type": "LogAppendTime", "max.message.bytes": _room(settings, 1)}
    letters = {**kept, "max.message.bytes": _room(settings, 4 / 3)}
    return [
        Topic(topics.events, settings.partitions, journal),
        Topic(topics.answers, settings.answers_partitions, journal),
        Topic(topics.alerts, settings.partitions, kept),
        Topic(topics.decisions, settings.partitions, kept),
        Topic(topics.deadletters, settings.partitions, letters),
        Topic(topics.catalogue, 1, {**kept, "retention.ms": "-1"}),
    ]


def apply_topics(settings: Settings) -> list[Difference]:
    """Creates what is missing, changes nothing that is there, and says what differs.

    Raises Unreachable if Kafka does not answer or refuses (too few brokers for the replication, say).
    """
    with admin(settings) as client:
        there = _partitions(client)
        missing = [topic for topic in plan(settings) if topic.name not in there]
        created = [_create(client, topic, settings.replication) for topic in missing]
        client.wait_for_topics([topic.name for topic in missing])
        return [one for one in created if one is not None] + _differences(client, settings)


def verify_topics(settings: Settings) -> list[Difference]:
    """What differs, missing topics too; creates nothing. For a worker's start."""
    with admin(settings) as client:
        return _differences(client, settings)


def _differences(client: Any, settings: Settings) -> list[Difference]:
    wanted, there = plan(settings), _partitions(client)
    differences = [_missing(topic) for topic in wanted if topic.name not in there]
    present = [topic for topic in wanted if topic.name in there]
    configs = _configs(client, present)
    for topic in present:
        differences += _partitions_differ(topic, there[topic.name])
        differences += _configs_differ(topic, configs.get(topic.name, {}))
    return differences


def _partitions(client: Any) -> dict[str, int]:
    """How many partitions every topic of the broker has."""
    return {
        topic["name"]: len(topic["partitions"])
        for topic in client.describe_topics()
        if not topic["error_code"]
    }


def _create(client: Any, topic: Topic, replication: int) -> Difference | None:
    wanted = f"{topic.partitions} partition{'s' * (topic.partitions != 1)}"
    options = {
        "num_partitions": topic.partitions,
        "replication_factor": replication,
        "configs": topic.config,
    }
    try:
        client.create_topics({topic.name: options})
    except TopicAlreadyExistsError:
        return None  # somebody else was faster
    return Difference("created", topic.name, "topic", wanted, None, "")


def _configs(client: Any, topics: list[Topic]) -> dict[str, dict[str, Any]]:
    if not topics:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    described: dict[str, dict[str, Any]] = client.describe_configs(resources, config_filter="all")["topic"]
    return described


def _missing(topic: Topic) -> Difference:
    remedy = "run `forestall topics apply`"
    return Difference("differs", topic.name, "topic", f"{topic.partitions} partitions", "missing", remedy)


def _partitions_differ(topic: Topic, found: int) -> list[Difference]:
    if found == topic.partitions:
        return []
    remedy = (
        f"set the settings' number to {found}: a customer's events must stay in one partition, so the number of "
        "a topic that has records cannot change; for more, take a new `prefix` and replay into it"
    )
    return [Difference("differs", topic.name, "partitions", str(topic.partitions), str(found), remedy)]


def _configs_differ(topic: Topic, found: dict[str, Any]) -> list[Difference]:
    if not found:
        settings = ", ".join(f"{key}={value}" for key, value in topic.config.items())
        remedy = "nothing to do on the embedded broker; on another, see that it honours them"
        return [Difference("unknown", topic.name, "configuration", settings, None, remedy)]
    return [
        Difference("differs", topic.name, key, value, found[key]["value"], _alter(topic.name, key, value))
        for key, value in topic.config.items()
        if key in found and found[key]["value"] != value
    ]


def _alter(name: str, key: str, value: str) -> str:
    return f"run `kafka-configs.sh --alter --topic {name} --add-config {key}={value}`, or change the settings"


def _retention(settings: Settings) -> str:
    return str(settings.retention_days * _DAY_MS) if settings.retention_days else "-1"


def _room(settings: Settings, factor: float) -> str:
    return str(int(settings.max_event_bytes * factor) + _DEAD_LETTER_ROOM)
