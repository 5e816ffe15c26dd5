"""Who leads the partitions of a cluster, and how an operator moves leaders: the two requests that aiokafka lacks.

Layouts: https://kafka.apache.org/protocol.html (ElectLeaders version 0, AlterPartitionReassignments version 0)
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Array,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    String,
    TaggedFields,
)
from kafka_admin import administrator

GROUPS: Final = "__consumer_offsets"
TIMEOUT_MS: Final = 10_000
RETRY_SECONDS: Final = 0.05
NOT_NEEDED: Final = 84
"""ELECTION_NOT_NEEDED: the preferred replica leads already."""


class ElectLeadersResponse(Response):  # type: ignore[misc] # aiokafka ships no types
    """Answer to `ElectLeadersStruct`."""

    API_KEY = 43
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            Array(
                ("topic", String("utf-8")),
                ("partitions", Array(("partition", Int32), ("error_code", Int16), ("message", String("utf-8")))),
            ),
        ),
    )


class ElectLeadersStruct(RequestStruct):  # type: ignore[misc] # aiokafka ships no types
    """Let the first replica of each partition lead."""

    API_KEY = 43
    API_VERSION = 0
    RESPONSE_TYPE = ElectLeadersResponse
    SCHEMA: ClassVar = Schema(
        ("topics", Array(("topic", String("utf-8")), ("partitions", Array(Int32)))), ("timeout_ms", Int32)
    )


class ElectLeaders(Request[ElectLeadersStruct]):  # type: ignore[misc] # aiokafka ships no types
    """Move the leaders of these partitions to their first replicas."""

    API_KEY = 43
    ALLOW_UNKNOWN_API_VERSION = True

    def __init__(self, topics: Mapping[str, Sequence[int]]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[ElectLeadersStruct]) -> ElectLeadersStruct:
        """Fill the request."""
        return request_struct_class([(topic, list(of)) for topic, of in self._topics.items()], TIMEOUT_MS)


class ReassignResponse(Response):  # type: ignore[misc] # aiokafka ships no types
    """Answer to `ReassignStruct`."""

    API_KEY = 45
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("message", CompactString()),
        (
            "topics",
            CompactArray(
                ("topic", CompactString()),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("message", CompactString()),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class ReassignStruct(RequestStruct):  # type: ignore[misc] # aiokafka ships no types
    """Give partitions their replicas, the preferred leader first."""

    FLEXIBLE_VERSION = True
    API_KEY = 45
    API_VERSION = 0
    RESPONSE_TYPE = ReassignResponse
    SCHEMA: ClassVar = Schema(
        ("timeout_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", CompactString()),
                (
                    "partitions",
                    CompactArray(("partition", Int32), ("replicas", CompactArray(Int32)), ("tags", TaggedFields)),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class Reassign(Request[ReassignStruct]):  # type: ignore[misc] # aiokafka ships no types
    """Write the replicas of partitions anew."""

    API_KEY = 45
    ALLOW_UNKNOWN_API_VERSION = True

    def __init__(self, topics: Mapping[str, Mapping[int, Sequence[int]]]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[ReassignStruct]) -> ReassignStruct:
        """Fill the request."""
        topics: list[tuple[str, list[tuple[int, list[int], dict[int, bytes]]], dict[int, bytes]]] = [
            (topic, [(number, list(replicas), {}) for number, replicas in of.items()], {})
            for topic, of in self._topics.items()
        ]
        return request_struct_class(TIMEOUT_MS, topics, {})


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Leaders and replicas by topic and partition; `in_sync` is how many copies the worst partition has."""

    leaders: Mapping[str, Mapping[int, int]]
    replicas: Mapping[str, Mapping[int, Sequence[int]]]
    in_sync: int

    @property
    def coordinator(self) -> int:
        """The broker that keeps all groups: there is one partition of them."""
        return self.leaders.get(GROUPS, {}).get(0, 0)

    def led_by(self, broker: int) -> int:
        """Count the partitions that a broker leads."""
        return sum(leader == broker for of in self.leaders.values() for leader in of.values())


async def standing(bootstrap: str) -> Standing:
    """Look at the cluster, by whichever broker answers."""
    async with administrator(bootstrap) as admin:
        while True:
            try:
                topics = await admin.describe_topics()
                break
            except KafkaError:  # it was just killed: the client asks any of those that it knows
                await asyncio.sleep(RETRY_SECONDS)
    of = {topic["topic"]: {each["partition"]: each for each in topic["partitions"]} for topic in topics}
    return Standing(
        leaders={name: {number: each["leader"] for number, each in found.items()} for name, found in of.items()},
        replicas={name: {number: each["replicas"] for number, each in found.items()} for name, found in of.items()},
        in_sync=min((len(each["isr"]) for found in of.values() for each in found.values()), default=0),
    )


async def turn_leaders(bootstrap: str, topics: Sequence[str]) -> None:
    """Make the second replica of every partition its first, so that it shall lead, and let it lead."""
    before = (await standing(bootstrap)).replicas
    turned = {topic: {number: [*of[1:], of[0]] for number, of in before[topic].items()} for topic in topics}
    async with administrator(bootstrap) as admin:
        answer = await _to_controller(admin, Reassign(turned))
        codes = {code for _, partitions, _ in answer.topics for _, code, *_ in partitions}
        assert (answer.error_code, codes) == (0, {0}), answer
    await elect_leaders(bootstrap, topics)


async def elect_leaders(bootstrap: str, topics: Sequence[str]) -> None:
    """Let the first replica of every partition lead."""
    now = (await standing(bootstrap)).replicas
    async with administrator(bootstrap) as admin:
        answer = await _to_controller(admin, ElectLeaders({topic: sorted(now[topic]) for topic in topics}))
        codes = {code for _, partitions in answer.topics for _, code, _ in partitions}
        assert codes <= {0, NOT_NEEDED}, answer


async def _to_controller(admin: Any, request: Request[Any]) -> Any:
    return await admin._send_to_controller(request)
