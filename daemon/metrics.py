"""Every metric of Switchboard: its name, labels and meaning stand here and nowhere else.

One registry a process, made by whoever starts the process; `daemon.gathered` puts those of all processes together.
"""

import functools
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

PHASE_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Seconds; a phase of a batch takes milliseconds, a lock wait up to half a minute."""


class IntakeMetrics:
    """What `ingest` counts. Meets `connectors.intake.IntakeMeter` and `connectors.mail.assess.AssessMeter`."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self._accepted = Counter(
            "switchboard_accepted", "Records stored on the inbound topic", ["account", "kind"], registry=registry
        )
        self._later = Counter("switchboard_later", "Told to come again", ["account"], registry=registry)
        self._failed = Counter(
            "switchboard_parser_failures", "Deliveries that a parser failed on; held", ["account"], registry=registry
        )
        self._took = Histogram(
            "switchboard_accept_seconds", "From all bytes here to stored", buckets=PHASE_BUCKETS, registry=registry
        )
        self._assessed = Counter(
            "switchboard_assessed", "Verdicts on senders, by who found out", ["result", "source"], registry=registry
        )
        self.door_closed = Counter(
            "switchboard_door_closed", "Deliveries met by a closed door", ["reason"], registry=registry
        )
        self.refused = Counter("switchboard_refused", "Not accepted at all, for ever", ["reason"], registry=registry)
        self.shrunk = Counter("switchboard_records_shrunk", "Records over the limit of the bus", registry=registry)
        self.patience = Gauge(
            "switchboard_shortest_patience_seconds",
            "How long the least patient channel in use tries again; an outage must end before",
            registry=registry,
        )
        self.free_disk = Gauge(
            "switchboard_free_disk_bytes", "Free where we write; of the fuller disk", registry=registry
        )

    def accepted(self, *, account: str, kind: str) -> None:
        """Count a message that is stored."""
        self._accepted.labels(account=account, kind=kind).inc()

    def later(self, *, account: str) -> None:
        """Count a delivery that the platform shall bring again."""
        self._later.labels(account=account).inc()

    def parser_failed(self, *, account: str) -> None:
        """Count a delivery on which the parser failed unexpectedly."""
        self._failed.labels(account=account).inc()

    def assessed(self, *, result: str, source: str) -> None:
        """Count a verdict on a sender."""
        self._assessed.labels(result=result, source=source).inc()

    def took(self, seconds: float) -> None:
        """Measure one accept."""
        self._took.observe(seconds)


class SmtpMetrics:
    """What the SMTP listener counts. Meets `connectors.mail.smtp_meter.SmtpMeter`."""

    def __init__(self, *, registry: CollectorRegistry, heard: Callable[[str], None]) -> None:
        self._heard = heard
        self._open = Gauge("switchboard_smtp_connections", "Open SMTP connections", registry=registry)
        replies = Counter("switchboard_smtp_replies", "Replies by code", ["code"], registry=registry)
        self._reply = functools.cache(replies.labels)

    def connection(self, change: int) -> None:
        """Count a connection that came or went."""
        self._open.inc(change)

    def reply(self, code: str) -> None:
        """Count a reply, and tell whoever else wants to hear its code."""
        self._reply(code).inc()
        self._heard(code)


class ChannelMetrics:
    """What `ingest` counts of channels beside mail. `account` is a configured name."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self._trouble = Gauge(
            "switchboard_channel_trouble", "1 while an account's platform gives trouble", ["account"], registry=registry
        )
        self._rounds = Counter(
            "switchboard_poll_rounds", "Rounds of polling that ended well", ["account"], registry=registry
        )
        self._refused = Counter(
            "switchboard_channel_refused", "Not accepted at all", ["account", "reason"], registry=registry
        )

    def trouble(self, account: str, *, on: bool) -> None:
        """Say whether there is trouble."""
        self._trouble.labels(account=account).set(on)

    def round(self, account: str) -> None:
        """Count one round of polling."""
        self._rounds.labels(account=account).inc()

    def refused(self, account: str, reason: str) -> None:
        """Count what was not accepted."""
        self._refused.labels(account=account, reason=reason).inc()


class RouteMetrics:
    """What `route` counts, and what it reads from the store for everybody. Meets `router.ports.Metrics`."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self._routed = Counter(
            "switchboard_routed", "Records by what became of them", ["outcome", "rule"], registry=registry
        )
        self._phases = Histogram(
            "switchboard_batch_phase_seconds",
            "Time of one phase of one batch",
            ["phase"],
            buckets=PHASE_BUCKETS,
            registry=registry,
        )
        self._age = Gauge(
            "switchboard_routed_age_seconds",
            "How long the newest routed record had been in the log",
            ["partition"],
            registry=registry,
        )
        self.behind = Gauge("switchboard_lag_records", "Records not yet routed", ["partition"], registry=registry)
        self.spool = Gauge("switchboard_spool_messages", "Held messages", registry=registry)
        self.spool_reasons = Gauge("switchboard_spool_held", "Held messages by reason", ["reason"], registry=registry)
        self.spool_overdue = Gauge(
            "switchboard_spool_overdue", "Held messages that wait longer than spool.alert_hours", registry=registry
        )
        self.expired = Counter(
            "switchboard_spool_expired", "Machines' mail discarded after spool.keep_machine_days", registry=registry
        )
        self.spool_age = Gauge("switchboard_spool_oldest_seconds", "Age of the longest held", registry=registry)
        self.dead_letters = Gauge("switchboard_dead_letters_open", "Records set aside, open", registry=registry)
        self.outbox = Gauge("switchboard_outbox_unpublished", "Ticket events not yet published", registry=registry)
        self.outbox_age = Gauge("switchboard_outbox_oldest_seconds", "Age of the oldest of them", registry=registry)
        self.blocked = Gauge("switchboard_outbox_blocked_tickets", "Tickets with a refused event", registry=registry)
        self.published = Counter("switchboard_events_published", "Ticket events published", registry=registry)
        self.trimmed = Counter("switchboard_log_records_trimmed", "Records past their retention", registry=registry)
        self.collected = Counter("switchboard_blobs_collected", "Blobs that no row named", registry=registry)

    def routed(self, outcome: str, rule: str, count: int) -> None:
        """Count records that ended so."""
        self._routed.labels(outcome=outcome, rule=rule).inc(count)

    def phase(self, name: str, seconds: float) -> None:
        """Measure one phase of a batch."""
        self._phases.labels(phase=name).observe(seconds)

    def lag(self, partition: int, seconds: float) -> None:
        """Say how long the newest routed record of a partition had been in the log."""
        self._age.labels(partition=str(partition)).set(seconds)


class NoticeMetrics:
    """What the sender of notices counts."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self._settled = Counter(
            "switchboard_notices",
            "Notices by what became of them: sent (queued to be sent), or suppressed",
            ["reason", "outcome"],
            registry=registry,
        )
        self.due = Gauge("switchboard_notices_due", "Notices that wait to be looked at", registry=registry)
        self.due_age = Gauge("switchboard_notices_oldest_seconds", "Age of the oldest of them", registry=registry)

    def settled(self, reason: str, outcome: str, count: int) -> None:
        """Count notices that ended so."""
        self._settled.labels(reason=reason, outcome=outcome).inc(count)


class OutboundMetrics:
    """What `outbound` counts. Meets `router.deliveries.SendMetrics` and `daemon.media.MediaMetrics`."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self._delivered = Counter(
            "switchboard_send_recipients",
            "Recipients of messages of ours by what their side said: sent, published, unsure, later, failed",
            ["kind", "state"],
            registry=registry,
        )
        self.queued = Gauge("switchboard_sends_queued", "Messages of ours not yet sent", registry=registry)
        self.queued_age = Gauge("switchboard_sends_oldest_seconds", "Age of the oldest of them", registry=registry)
        self._relay_down = Gauge(
            "switchboard_relay_down", "1 while the relay cannot be used, or none is set", registry=registry
        )
        self._lane_down = Gauge(
            "switchboard_lane_down", "1 while an account's platform takes nothing from us", ["lane"], registry=registry
        )
        self._fetched = Counter(
            "switchboard_media_fetches",
            "Files at platforms by what became of them: stored, refused, failed, later",
            ["account", "state"],
            registry=registry,
        )
        self.media_waiting = Gauge(
            "switchboard_media_waiting", "Files at platforms not yet fetched", ["account"], registry=registry
        )
        self.media_age = Gauge(
            "switchboard_media_oldest_seconds", "Age of the oldest of them", ["account"], registry=registry
        )
        self.lane_queued = Gauge(
            "switchboard_lane_queued", "Messages of ours not yet sent, by lane", ["lane"], registry=registry
        )

    def delivered(self, kind: str, state: str) -> None:
        """Count one recipient."""
        self._delivered.labels(kind=kind, state=state).inc()

    def fetched(self, account: str, state: str) -> None:
        """Count a file of a platform that was asked for."""
        self._fetched.labels(account=account, state=state).inc()

    def down(self, lane: str, *, is_down: bool) -> None:
        """Say whether a lane can be used: `mail`, or channel and account."""
        gauge = self._relay_down if lane == "mail" else self._lane_down.labels(lane=lane)
        gauge.set(is_down)


class ProcessMetrics:
    """What every process says of itself."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self.ready = Gauge("switchboard_ready", "1 while nothing keeps the process from its work", registry=registry)
        self.trouble = Gauge("switchboard_trouble", "1 while the named trouble lasts", ["reason"], registry=registry)
        self.outage = Gauge(
            "switchboard_outage_seconds", "Age of the outage of what we need; 0 = none", ["of"], registry=registry
        )
        self.restarts = Counter("switchboard_restarts", "Times a process was started again", ["of"], registry=registry)


class FeedMetrics:
    """What a feeder of the API or of webhooks counts."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self.skipped = Counter(
            "switchboard_feed_skipped",
            "Ticket events that were gone before this consumer read them",
            ["consumer", "partition"],
            registry=registry,
        )


class WebhookMetrics:
    """What `webhooks` counts. `endpoint` is its number. Meets `router.webhooks.worker.Metrics`."""

    def __init__(self, *, registry: CollectorRegistry) -> None:
        self._tries = Counter(
            "switchboard_webhook_tries",
            "Events sent to endpoints by what became of the try: delivered, pending (tried again), failed, lost",
            ["endpoint", "state"],
            registry=registry,
        )
        self._took = Histogram(
            "switchboard_webhook_seconds", "From the dial to the answer", buckets=PHASE_BUCKETS, registry=registry
        )
        self.pending = Gauge(
            "switchboard_webhook_pending",
            "Events not yet delivered or given up; 10000: so many, or more",
            ["endpoint"],
            registry=registry,
        )
        self.age = Gauge(
            "switchboard_webhook_oldest_seconds", "Age of the oldest of them", ["endpoint"], registry=registry
        )
        self.endpoints = Gauge(
            "switchboard_webhook_endpoints", "Endpoints that are active, paused, disabled", ["state"], registry=registry
        )

    def tried(self, endpoint: int, state: str, seconds: float) -> None:
        """Count a try."""
        self._tries.labels(endpoint=str(endpoint), state=state).inc()
        self._took.observe(seconds)


def exposition(registry: CollectorRegistry) -> str:
    """Give the registry in Prometheus' text format."""
    return generate_latest(registry).decode()
