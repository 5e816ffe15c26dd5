"""What an operator, or retention, may do to a topic behind the daemon's back."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment


@asynccontextmanager
async def administrator(bootstrap: str) -> AsyncIterator[Any]:
    """Give a connected admin client."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def create_topic(bootstrap: str, topic: str, **configuration: str) -> None:
    """Create a topic of one partition as somebody else would."""
    named = {key.replace("_", "."): value for key, value in configuration.items()}
    async with administrator(bootstrap) as admin:
        answer = await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=named)])
        assert [code for _, code, *_ in answer.topic_errors] == [0]


async def delete_topic(bootstrap: str, topic: str) -> None:
    """Delete a topic with everything in it."""
    async with administrator(bootstrap) as admin:
        await admin.delete_topics([topic])


async def delete_records(bootstrap: str, topic: str, before: Mapping[int, int]) -> None:
    """Delete the records of each partition before an offset, as retention does."""
    wanted = {TopicPartition(topic, number): RecordsToDelete(offset) for number, offset in before.items()}
    async with administrator(bootstrap) as admin:
        await admin.delete_records(wanted)


async def add_partitions(bootstrap: str, topic: str, count: int) -> None:
    """Give a topic so many partitions as an operator does."""
    async with administrator(bootstrap) as admin:
        await admin.create_partitions({topic: NewPartitions(count)})


async def topic_settings(bootstrap: str, topic: str) -> dict[str, str]:
    """Give all settings of a topic."""
    async with administrator(bootstrap) as admin:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return {name: value for *_, entries in answer.resources for name, value, *_ in entries}


async def assigned_partitions(bootstrap: str, group: str) -> set[int]:
    """Give the partitions that members of a group read now; the group reads one topic."""
    async with administrator(bootstrap) as admin:
        (answer,) = await admin.describe_consumer_groups([group])
    (described,) = answer.groups
    found: set[int] = set()
    for *_, assignment in described[5]:
        if assignment:
            for _, partitions in ConsumerProtocolMemberAssignment.decode(assignment).assignment:
                found.update(partitions)
    return found
