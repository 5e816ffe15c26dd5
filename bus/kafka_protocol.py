"""The one Kafka request that aiokafka lacks: Metadata version 12, whose answer holds topic ids.

A topic id tells a topic from another one that was created under the same name (KIP-516).
Layout: https://kafka.apache.org/protocol.html#The_Messages_Metadata
"""

import uuid
from io import BytesIO
from typing import ClassVar

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

UUID_BYTES = 16
NO_ID = uuid.UUID(int=0)


class TopicId(AbstractType[uuid.UUID]):  # type: ignore[misc] # aiokafka ships no types
    """Sixteen bytes, most significant first."""

    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        """Give the wire form."""
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        """Read the wire form."""
        return uuid.UUID(bytes=data.read(UUID_BYTES))


PARTITION = CompactArray(
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline_replicas", CompactArray(Int32)),
    ("tags", TaggedFields),
)

TOPIC = CompactArray(
    ("error_code", Int16),
    ("topic", CompactString()),
    ("topic_id", TopicId),
    ("is_internal", Boolean),
    ("partitions", PARTITION),
    ("authorized_operations", Int32),
    ("tags", TaggedFields),
)

BROKER = CompactArray(
    ("node_id", Int32),
    ("host", CompactString()),
    ("port", Int32),
    ("rack", CompactString()),
    ("tags", TaggedFields),
)


class TopicMetadataResponse(Response):  # type: ignore[misc] # aiokafka ships no types
    """Cluster, brokers and the topics that were asked for."""

    API_KEY = 3
    API_VERSION = 12
    SCHEMA: ClassVar = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", BROKER),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        ("topics", TOPIC),
        ("tags", TaggedFields),
    )


class TopicMetadataStruct(RequestStruct):  # type: ignore[misc] # aiokafka ships no types
    """Asks by name; never creates a topic."""

    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = TopicMetadataResponse
    SCHEMA: ClassVar = Schema(
        (
            "topics",
            CompactArray(("topic_id", TopicId), ("topic", CompactString()), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicMetadataRequest(Request[TopicMetadataStruct]):  # type: ignore[misc] # aiokafka ships no types
    """Ask for topics by name; needs brokers of Kafka 3.0 or later."""

    API_KEY = 3

    def __init__(self, topics: tuple[str, ...]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[TopicMetadataStruct]) -> TopicMetadataStruct:
        """Fill the request of the version that was agreed on."""
        topics: list[tuple[uuid.UUID, str, dict[int, bytes]]] = [(NO_ID, topic, {}) for topic in self._topics]
        return request_struct_class(topics, False, False, {})  # noqa: FBT003 - the wire format is positional
