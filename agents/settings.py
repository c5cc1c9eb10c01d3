"""Every setting of Forestall, in one frozen struct.

A setting has one name everywhere: `answers_partitions` in forestall.toml, FORESTALL_ANSWERS_PARTITIONS in the
environment, --answers-partitions as an option. Where it comes from: agents/settings_sources.py. The reference
page is generated from what stands here: agents/settings_reference.py.
"""

from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

#: What Kafka allows in a topic's name, with room for ours behind it.
_PREFIX = r"^[a-zA-Z0-9._-]{1,200}$"
_ADDRESSES = r"^[^\s,:/]+:[0-9]{1,5}(,[^\s,:/]+:[0-9]{1,5})*$"


class Topics(NamedTuple):
    """The names of the topics, by role."""

    events: str
    answers: str
    alerts: str
    decisions: str
    deadletters: str
    catalogue: str


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may set; the defaults run everything on one machine."""

    kafka: Annotated[
        str,
        Meta(description="The brokers to ask first, comma-separated.", pattern=_ADDRESSES),
        Meta(examples=["kafka-1:9092,kafka-2:9092"]),
    ] = "127.0.0.1:9092"
    redis: Annotated[
        str,
        Meta(
            description="The store. A password belongs into the environment.",
            pattern=r"^(rediss?|unix)://\S+$",
        ),
        Meta(examples=["rediss://:secret@redis.internal:6380/0"]),
    ] = "redis://127.0.0.1:6379/0"
    prefix: Annotated[
        str,
        Meta(description="Begins the name of every topic, consumer group and Redis key.", pattern=_PREFIX),
        Meta(examples=["forestall-staging"]),
    ] = "forestall"
    partitions: Annotated[
        int,
        Meta(description="Partitions of the journal; fixed once it has events.", ge=1, le=4096),
        Meta(examples=[64]),
    ] = 8
    answers_partitions: Annotated[
        int,
        Meta(description="Partitions of the answers topic, by which problems are spread.", ge=1, le=256),
        Meta(examples=[4]),
    ] = 2
    replication: Annotated[
        int,
        Meta(description="Replicas of every topic; 3 where there are 3 brokers.", ge=1, le=32),
        Meta(examples=[3]),
    ] = 1
    retention_days: Annotated[
        int,
        Meta(description="How long the topics keep their records; 0 keeps them for ever.", ge=0, le=36_500),
        Meta(examples=[400]),
    ] = 90
    max_event_bytes: Annotated[
        int,
        Meta(description="The largest event that the journal takes.", ge=65_536, le=268_435_456),
        Meta(examples=[1_048_576]),
    ] = 4_194_304
    session_timeout: Annotated[
        float,
        Meta(description="Seconds without a heartbeat after which a worker counts as dead.", ge=1, le=600),
        Meta(examples=[10.0]),
    ] = 6.0
    chunk_limit: Annotated[
        int,
        Meta(description="The most records that are processed as one chunk.", ge=1, le=100_000),
        Meta(examples=[500]),
    ] = 2_000
    chunk_budget: Annotated[
        int,
        Meta(description="The most customers and due times that one commit changes.", ge=1, le=100_000),
        Meta(examples=[1_000]),
    ] = 2_000
    cache_limit: Annotated[
        int,
        Meta(description="Documents (customers, problems) kept in memory, for each partition.", ge=0),
        Meta(examples=[10_000]),
    ] = 50_000
    breaker: Annotated[
        Literal["on", "off"],
        Meta(description="Whether a worker stops for good at too many dead letters.", examples=["off"]),
    ] = "on"
    breaker_share: Annotated[
        float,
        Meta(description="The share of dead letters in the window above which it stops.", gt=0, le=1),
        Meta(examples=[0.05]),
    ] = 0.01
    breaker_window: Annotated[
        int, Meta(description="The window, in records.", ge=100, examples=[100_000])
    ] = 10_000
    breaker_in_a_row: Annotated[
        int, Meta(description="Dead letters in a row at which it stops.", ge=1, examples=[1_000])
    ] = 100
    outbox_seconds: Annotated[
        float,
        Meta(
            description="How long a delivered effect stays in the outbox, in case a store rolls back.", ge=0
        ),
        Meta(examples=[30.0]),
    ] = 5.0
    snapshots: Annotated[
        str,
        Meta(
            description="A folder in which a worker that takes a partition over from an earlier state version first "
            "keeps the state as it was, for `forestall state verify`; none without it."
        ),
        Meta(examples=["/var/lib/forestall/snapshots"]),
    ] = ""
    transactions: Annotated[
        Literal["auto", "on", "off"],
        Meta(
            description="Whether alerts and decisions come exactly once to those who read committed; auto where the "
            "broker has transactions."
        ),
        Meta(examples=["on"]),
    ] = "auto"
    outstanding_events: Annotated[
        int,
        Meta(description="A replay waits while more events than this are not yet processed.", ge=1),
        Meta(examples=[50_000]),
    ] = 1_000
    outstanding_answers: Annotated[
        int,
        Meta(description="A replay waits while more answers than this are not yet learned.", ge=1),
        Meta(examples=[10_000]),
    ] = 1_000
    intake: Annotated[
        str,
        Meta(description="The file that maps foreign topics to events ([[intake]]); none without it."),
        Meta(examples=["intake.toml"]),
    ] = ""
    web_host: Annotated[
        str,
        Meta(description="Where a worker serves /metrics and /health.", min_length=1, examples=["10.0.0.5"]),
    ] = "127.0.0.1"
    web_port: Annotated[
        int, Meta(description="The port of the same; 0 takes a free one.", ge=0, le=65_535, examples=[9100])
    ] = 6066
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="What the log shows at least.", examples=["debug"]),
    ] = "info"

    @property
    def topics(self) -> Topics:
        """The names of the topics: the prefix, a dot, the role."""
        return Topics(*(f"{self.prefix}.{role}" for role in Topics._fields))

    @property
    def store_prefix(self) -> str:
        """What every Redis key begins with."""
        return f"{self.prefix}:"

    def group(self, processor: str) -> str:
        """The consumer group of a processor's workers."""
        return f"{self.prefix}-{processor}"
