"""Where a consumer group is in each partition of its topics, and which sidecar may move it."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, text, update

from storage.core.schema import partition_offsets
from storage.feeds.feeds import PositionMoved

Partition = tuple[str, int]
"""A topic and the number of a partition."""

_MAKE = text(
    "INSERT INTO partition_offsets (consumer_group, topic, partition, owner) "
    "VALUES (:group, :topic, :partition, :owner) ON CONFLICT (consumer_group, topic, partition) DO NOTHING"
)


def claim_partitions(
    connection: Connection, group: str, partitions: Sequence[Partition], owner: str
) -> dict[Partition, int | None]:
    """Make this sidecar the owner of partitions; the offset that each is to be read from (None: from the beginning).

    Whoever owned them before can no longer move them: the rebalance of the group has taken them away.
    """
    table = partition_offsets
    found: dict[Partition, int | None] = {}
    for topic, partition in sorted(partitions):
        here = (table.c.consumer_group == group) & (table.c.topic == topic) & (table.c.partition == partition)
        connection.execute(_MAKE, {"group": group, "topic": topic, "partition": partition, "owner": owner})
        connection.execute(update(table).where(here).values(owner=owner))
        found[(topic, partition)] = connection.execute(select(table.c.next_offset).where(here)).scalar_one()
    return found


def move_offsets(
    connection: Connection, group: str, owner: str, moves: Sequence[tuple[str, int, int | None, int]]
) -> None:
    """Move partitions inside the transaction of their messages: (topic, partition, expected, next offset) each.

    Raises PositionMoved when another sidecar owns one of them, or when one does not stand where it is expected to.
    """
    table = partition_offsets
    for topic, partition, expected, next_offset in moves:
        moved = connection.execute(
            update(table)
            .where(
                table.c.consumer_group == group,
                table.c.topic == topic,
                table.c.partition == partition,
                table.c.owner == owner,
                table.c.next_offset.is_not_distinct_from(expected),
            )
            .values(next_offset=next_offset)
        )
        if moved.rowcount != 1:
            raise PositionMoved(f"Another sidecar of the group {group} has taken {topic}[{partition}].")


def read_offsets(connection: Connection, group: str) -> dict[Partition, int | None]:
    """Where a group is: the next offset of each partition that it has ever been given."""
    table = partition_offsets
    rows = connection.execute(
        select(table.c.topic, table.c.partition, table.c.next_offset).where(table.c.consumer_group == group)
    )
    return {(row.topic, row.partition): row.next_offset for row in rows}
