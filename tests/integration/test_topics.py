"""The topics on Apache Kafka and on the embedded broker."""

from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from forestall.agents import kafka_clients
from forestall.agents.settings import Settings
from forestall.agents.topics import apply_topics, plan, verify_topics
from forestall.pipeline.errors import Unreachable
from tests.servers.kafka import Kafka
from tests.servers.tansu import Tansu


def settings_of(server: Kafka | Tansu, namespace: str, **changes: Any) -> Settings:
    """Settings for a test's own topics."""
    return Settings(kafka=server.bootstrap, prefix=namespace, partitions=3, **changes)


def test_what_is_missing_is_created_and_then_nothing_differs(kafka: Kafka, namespace: str) -> None:
    """The first run creates the six topics, the second finds nothing to say."""
    settings = settings_of(kafka, namespace)
    created = apply_topics(settings)
    assert [(one.kind, one.topic) for one in created] == [("created", name) for name in settings.topics]
    assert apply_topics(settings) == []
    assert verify_topics(settings) == []


def test_a_missing_topic_is_told_and_not_created_by_verify(kafka: Kafka, namespace: str) -> None:
    """A worker that starts before `topics apply` says so."""
    differences = verify_topics(settings_of(kafka, namespace))
    assert len(differences) == len(plan(Settings()))
    assert str(differences[0]).endswith(
        "topic is missing, should be 3 partitions; run `forestall topics apply`"
    )
    assert verify_topics(settings_of(kafka, namespace)) == differences


def test_what_is_there_and_wrong_is_told_with_its_remedy(kafka: Kafka, namespace: str) -> None:
    """Partitions and the timestamp type of an existing journal are left alone and reported."""
    settings = settings_of(kafka, namespace)
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap) as admin:
        journal = {"num_partitions": 2, "replication_factor": 1, "configs": {"cleanup.policy": "compact"}}
        admin.create_topics({settings.topics.events: journal}, wait_for_metadata=True)
    differences = [one for one in apply_topics(settings) if one.kind == "differs"]
    assert {(one.what, one.wanted, one.found) for one in differences} >= {
        ("partitions", "3", "2"),
        ("message.timestamp.type", "LogAppendTime", "CreateTime"),
        ("cleanup.policy", "delete", "compact"),
    }
    assert all(one.topic == settings.topics.events and one.remedy for one in differences)


def test_changed_settings_show_as_differences(kafka: Kafka, namespace: str) -> None:
    """A new retention is told for each topic that follows it, not for the catalogue's, which keeps all."""
    apply_topics(settings_of(kafka, namespace))
    differences = apply_topics(settings_of(kafka, namespace, retention_days=0))
    assert {one.what for one in differences} == {"retention.ms"}
    assert len(differences) == 5


def test_more_replicas_than_brokers_are_refused_in_the_brokers_words(kafka: Kafka, namespace: str) -> None:
    """The error says what Kafka said."""
    with pytest.raises(Unreachable, match=r"only 1 broker\(s\) are registered"):
        apply_topics(settings_of(kafka, namespace, replication=3))


def test_the_embedded_broker_has_the_topics_with_their_partitions(tansu: Tansu, namespace: str) -> None:
    """Created once, then verified; another number of partitions is told."""
    settings = settings_of(tansu, namespace)
    assert {one.kind for one in apply_topics(settings)} == {"created"}
    assert apply_topics(settings) == []
    wrong = apply_topics(Settings(kafka=tansu.bootstrap, prefix=namespace, partitions=5))
    topics = settings.topics
    assert [one.topic for one in wrong] == [
        topics.events,
        topics.alerts,
        topics.decisions,
        topics.deadletters,
    ]


def test_a_broker_that_does_not_tell_a_configuration_is_not_called_wrong(
    tansu: Tansu, namespace: str
) -> None:
    """The embedded broker tells only what it was told at creation; the rest is unknown."""
    settings = settings_of(tansu, namespace)
    with KafkaAdminClient(bootstrap_servers=tansu.bootstrap) as admin:
        admin.create_topics({settings.topics.events: {"num_partitions": 3, "replication_factor": 1}})
    told = [one for one in apply_topics(settings) if one.kind != "created"]
    assert [(one.kind, one.topic) for one in told] == [("unknown", settings.topics.events)]


def test_the_embedded_broker_ignores_log_append_time(tansu: Tansu, namespace: str) -> None:
    """Known limitation: it tells LogAppendTime and keeps the producer's timestamp, so producers send now."""
    settings = settings_of(tansu, namespace)
    apply_topics(settings)
    with KafkaProducer(bootstrap_servers=tansu.bootstrap) as producer:
        producer.send(settings.topics.events, b"x", partition=0, timestamp_ms=1_000)
    with KafkaConsumer(bootstrap_servers=tansu.bootstrap) as consumer:
        place = TopicPartition(settings.topics.events, 0)
        consumer.assign([place])
        consumer.seek(place, 0)
        assert [record.timestamp for record in consumer.poll(5_000)[place]] == [1_000]


def test_a_broker_that_is_not_there_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback of a client library, but where it was looked for and what to set."""
    monkeypatch.setattr(kafka_clients, "_CONNECT_MS", 300)
    with pytest.raises(Unreachable, match=r"Kafka at 127.0.0.1:9 does not answer.*FORESTALL_KAFKA"):
        apply_topics(Settings(kafka="127.0.0.1:9"))
