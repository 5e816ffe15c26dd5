"""Reads what stands in the inbound topic, on either engine: figures count only if every record is there, once."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping

from bus.kafka import KafkaLog
from bus.kafka_settings import KafkaSettings
from bus.port import Log, StoredPosition
from bus.postgres import PostgresLog

TOPIC = "switchboard.inbound"
WAIT = 1.0
PATIENCE = 60
"""Looks without a record, of `WAIT` seconds each, after which what is missing counts as lost."""


def open_log(settings: Mapping[str, str], url: str) -> Log:
    """Give the log that a deployment writes to."""
    if settings.get("BUS__ENGINE") == "kafka":
        return KafkaLog(settings=KafkaSettings(bootstrap_servers=settings["BUS__KAFKA__BOOTSTRAP_SERVERS"]))
    return PostgresLog(conninfo=url)


async def stored_keys(log: Log) -> Counter[str]:
    """Give every record's delivery key, and how often it stands there."""
    found: Counter[str] = Counter()
    states = await log.partitions(TOPIC)
    missing = sum(state.next_offset - state.first_offset for state in states)
    consumer = await log.consumer(TOPIC, group="bench", load_positions=_earliest)
    silent = 0
    try:
        while missing > 0 and silent < PATIENCE:
            records = await consumer.fetch(max_records=500, max_wait=WAIT)
            found.update(json.loads(record.value)["delivery_key"] for record in records)
            missing -= len(records)
            silent = 0 if records else silent + 1
    finally:
        await consumer.close()
    return found


async def _earliest(_topic: str, _partitions: frozenset[int]) -> Mapping[int, StoredPosition]:
    return {}


def difference(expected: Iterable[str], found: Counter[str]) -> str:
    """Say what is wrong with the log; nothing when each expected key stands there once, and no other does."""
    wanted = set(expected)
    missing, twice = wanted - found.keys(), [key for key, times in found.items() if times > 1]
    strange = found.keys() - wanted
    if not (missing or twice or strange):
        return ""
    return f"of {len(wanted)} deliveries {len(missing)} are not in the log, {len(twice)} twice, {len(strange)} strange"
