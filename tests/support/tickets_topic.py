"""What a consumer of the tickets topic on Kafka reads, from the beginning to what is the end now."""

from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

TICKETS: Final = "switchboard.tickets"


async def read_topic(bootstrap: str) -> list[bytes]:
    """Read all events in the order in which they were stored, whatever partitions they stand in."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest")
    await consumer.start()
    try:
        await consumer._client.set_topics([TICKETS])
        places = [TopicPartition(TICKETS, number) for number in consumer.partitions_for_topic(TICKETS) or ()]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        records = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            batches = await consumer.getmany(timeout_ms=500)
            records += [record for batch in batches.values() for record in batch]
    finally:
        await consumer.stop()
    return [record.value for record in sorted(records, key=lambda record: record.timestamp)]
