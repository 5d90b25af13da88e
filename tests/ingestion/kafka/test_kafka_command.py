"""``python -m ingestion kafka``: its arguments, and what it says to those that mean nothing."""

import pytest

from ingestion.commands.kafka import _topics
from ingestion.deserializers import TRADE_TICKET
from ingestion.kafka.connection import SettingFault, consumer_settings
from storage.core.database import Store
from tests.ingestion.commands import board, run

__all__ = ["board"]

ARTICLE = "ingestion.deserializers:market_value_of_trade"


class TestTopics:
    def test_kinds_and_deserialisers(self) -> None:
        topics = _topics(["a=trades", "b=quotes"], [])
        assert {name: (topic.kind, topic.deserializer) for name, topic in topics.items()} == {
            "a": ("trades", TRADE_TICKET),
            "b": ("quotes", TRADE_TICKET),
        }

    def test_a_deserialiser_for_all_and_for_one(self) -> None:
        topics = _topics(["a=trades", "b=trades"], [ARTICLE, f"b={TRADE_TICKET}"])
        assert {name: topic.deserializer for name, topic in topics.items()} == {"a": ARTICLE, "b": TRADE_TICKET}

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--topic", "trades"], "--topic must be TOPIC=KIND"),
            (["--topic", "trades=cats"], "--topic must be TOPIC=KIND"),
            (["--topic", "t=trades", "--topic", "t=quotes"], "--topic t stands twice"),
            (["--deserializer", "nowhere=a:b"], "there is no topic nowhere among trades, quotes, sensitivities"),
            (["--deserializer", "nowhere"], "must be written as package.module:function"),
            (["--config", "group_id=x"], "--config group_id: use --group."),
            (["--config", "enable_auto_commit=true"], "must stay as it is"),
            (["--config", "cats=1"], "has no such setting"),
            (["--config", "fetch_max_bytes=many"], "must be a number"),
            (["--config", "fetch_max_bytes"], "must be name=value"),
        ],
    )
    def test_what_means_nothing_ends_the_command_with_a_line(
        self, board: Store, arguments: list[str], said: str
    ) -> None:
        result = run("kafka", *arguments)
        assert result.exit_code == 2
        assert said in result.stderr
        assert result.stderr.count("\n") == 1

    @pytest.mark.usefixtures("board")
    def test_settings_that_contradict_each_other_end_it_too(self) -> None:
        result = run("kafka", "--config", "request_timeout_ms=100")
        assert result.exit_code == 2
        assert "refuses these settings" in result.stderr


class TestConsumerSettings:
    def test_they_have_the_types_that_the_consumer_wants(self) -> None:
        pairs = ["fetch_max_bytes=1000", "check_crcs=False", "isolation_level=read_uncommitted", "ssl_cafile=a=b"]
        assert consumer_settings(pairs) == {
            "fetch_max_bytes": 1000,
            "check_crcs": False,
            "isolation_level": "read_uncommitted",
            "ssl_cafile": "a=b",
        }

    def test_what_is_no_text_or_number_cannot_be_set(self) -> None:
        with pytest.raises(SettingFault, match="cannot be set here"):
            consumer_settings(["socket_options=1"])
