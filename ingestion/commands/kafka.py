"""``kafka``: the sidecar as a member of a consumer group, for topics of every kind of record."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ingestion.commands.opening import BAD_INPUT, fail, read_settings

if TYPE_CHECKING:
    from ingestion.kafka.batch import Topic

_TOPICS = ["trades=trades", "quotes=quotes", "sensitivities=sensitivities"]
_SIDECARS = 100


def kafka(
    bootstrap: Annotated[
        str | None, typer.Option(help="HOST:PORT of the broker, several by comma; the setting when missing.")
    ] = None,
    group: Annotated[str, typer.Option(help="The consumer group.")] = "deltaboard",
    topic: Annotated[
        list[str] | None,
        typer.Option(help=f"TOPIC=KIND, may be repeated; {', '.join(_TOPICS)} when missing."),
    ] = None,
    deserializer: Annotated[
        list[str] | None,
        typer.Option(help="TOPIC=package.module:function, or package.module:function for all topics; may be repeated."),
    ] = None,
    batch_seconds: Annotated[float, typer.Option(min=0.0, max=60.0, help="How long a batch gathers messages.")] = 0.2,
    max_batch: Annotated[int, typer.Option(min=1, max=100_000, help="The most messages of a batch.")] = 2000,
    config: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE: a setting of kafka-python's consumer; may be repeated.")
    ] = None,
    dead_letter_topic: Annotated[
        str | None, typer.Option(help="A topic that messages that cannot be taken are sent to as well.")
    ] = None,
    name: Annotated[str, typer.Option(help="The feed's name; a second sidecar of it becomes NAME-2.")] = "kafka",
) -> None:
    """Run the sidecar with messages from Kafka, from where the store says that the group is."""
    from ingestion.commands.running import run_sidecar
    from ingestion.kafka.connection import SettingFault, consumer_settings
    from ingestion.kafka.feed import KafkaFeed, KafkaOptions
    from ingestion.sidecar.logs import log_library

    settings = read_settings()
    if settings.log_level.upper() != "DEBUG":
        log_library("kafka")
    try:
        consumer = consumer_settings(config or [])
    except SettingFault as fault:
        raise fail(str(fault), BAD_INPUT) from fault
    options = KafkaOptions(
        bootstrap=bootstrap or settings.kafka_bootstrap,
        group=group,
        topics=_topics(topic or _TOPICS, deserializer or []),
        batch_seconds=batch_seconds,
        max_batch=max_batch,
        future_tolerance_seconds=settings.future_tolerance_seconds,
        dead_letter_topic=dead_letter_topic,
        consumer=consumer,
    )
    from kafka.errors import KafkaConfigurationError

    names = [name, *(f"{name}-{number}" for number in range(2, _SIDECARS))]
    try:
        run_sidecar(names, lambda store, row: KafkaFeed(store, row, options))
    except KafkaConfigurationError as fault:
        raise fail(f"Kafka's consumer refuses these settings: {fault}.", BAD_INPUT) from fault


def _topics(pairs: Sequence[str], deserializers: Sequence[str]) -> "dict[str, Topic]":
    """Topic -> how it is read. Ends the command when one of the arguments means nothing."""
    from ingestion.deserializers import TRADE_TICKET
    from ingestion.kafka.batch import Topic
    from services.records.read_message import UnknownDeserializer, deserializer_named
    from services.records.record_kinds import RECORD_KINDS

    kinds: dict[str, str] = {}
    for pair in pairs:
        topic, _, kind = pair.partition("=")
        if not topic or kind not in RECORD_KINDS:
            raise fail(f"--topic must be TOPIC=KIND, of {', '.join(RECORD_KINDS)}; it is '{pair}'.", BAD_INPUT)
        if topic in kinds:
            raise fail(f"--topic {topic} stands twice: keep one.", BAD_INPUT)
        kinds[topic] = kind
    for_all, names = TRADE_TICKET, {}
    for text in deserializers:
        topic, equals, name = text.partition("=")
        if not equals:
            for_all = text
        elif topic in kinds:
            names[topic] = name
        else:
            raise fail(f"--deserializer {text}: there is no topic {topic} among {', '.join(kinds)}.", BAD_INPUT)
    try:
        return {
            topic: Topic(kind, used := names.get(topic, for_all), deserializer_named(used))
            for topic, kind in kinds.items()
        }
    except UnknownDeserializer as fault:
        raise fail(str(fault), BAD_INPUT) from fault
