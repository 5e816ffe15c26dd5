"""Webhooks on Kafka, end to end: a signed delivery in, its ticket's events out of the topic to an HTTP server."""

import json

import pytest
from fault_channels import SECRET, Callers
from http_inbox import inbox
from kafka_server import KafkaServer
from running_daemon import running_daemon

from doubles.ports import free_port

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.timeout(240)]


def test_an_endpoint_hears_of_a_ticket_made_from_a_delivery_on_kafka(kafka: KafkaServer, kafka_topic: str) -> None:
    intake = free_port()
    with inbox() as there:
        there.open.set()
        settings = {
            "SWITCHBOARD_BUS__ENGINE": "kafka",
            "SWITCHBOARD_BUS__KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
            "SWITCHBOARD_BUS__KAFKA__REPLICATION_FACTOR": "1",
            "SWITCHBOARD_BUS__KAFKA__MIN_INSYNC_REPLICAS": "1",
            "SWITCHBOARD_BUS__PARTITIONS": "2",
            "SWITCHBOARD_BUS__INBOUND_TOPIC": f"{kafka_topic}.inbound",
            "SWITCHBOARD_BUS__TICKETS_TOPIC": f"{kafka_topic}.tickets",
            "SWITCHBOARD_BLOBS__SHARED": "true",
            "SWITCHBOARD_INTAKE__PORT": str(intake),
            "SWITCHBOARD_ACCOUNTS__ERP__CHANNEL": "api",
            "SWITCHBOARD_ACCOUNTS__ERP__SECRET": SECRET,
            "SWITCHBOARD_WEBHOOKS__CONNECTIONS": "4",
            "SWITCHBOARD_WEBHOOKS__ALLOW_HOSTS": json.dumps([f"http://127.0.0.1:{there.port}"]),
        }
        with running_daemon(settings) as daemon:
            made = daemon.json("webhooks", "add", f"http://127.0.0.1:{there.port}/in", "--name", "crm")
            caller = Callers(intake)
            caller.send("t1", "ana")
            daemon.wait_until(lambda: len(there.got) == 1, seconds=60, what="the first event")
            caller.send("t2", "ana")
            daemon.wait_until(lambda: len(set(there.ids())) == 2, seconds=90, what="the second event")
            events = {event["id"]: event for event in there.events(made["secret"])}
            (ticket,) = daemon.json("tickets", "list")
            assert [(event["type"], event["data"]["sequence"]) for event in events.values()] == [
                ("ticket.created", 1),
                ("ticket.message_added", 2),
            ]
            assert {event["subject"] for event in events.values()} == {ticket["number"]}
            texts = [event["data"]["message"]["text"] for event in events.values()]
            assert texts == ["token t1\nby push", "token t2\nby push"]
