"""The ways out of this installation, a lane each: mail through its relay, and every account that can be answered on."""

from collections.abc import Callable, Mapping

from connectors.base import Connector
from connectors.download import Downloader
from connectors.sending import Collected, Fetcher, Part, Sender
from daemon.adapters import STORE_ERRORS
from daemon.chat_passage import Means
from daemon.chat_turns import Turns
from daemon.clock import now
from daemon.file_links import LIFE, PATH, FileLinks
from daemon.media import FetchJob, MediaMetrics
from daemon.outbound_chat import CollectedChannel, MessengerChannel
from daemon.outbound_mail import MailChannel
from daemon.settings import Settings
from daemon.wiring import policies
from router.fetched import Fetched
from router.incoming import MAIL
from router.sending import Channel
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.instance import Instance
from ticket_store.media import FetchQueue, FetchStore
from ticket_store.numbers import TicketNumbers
from ticket_store.parts import PostgresPaces, PostgresParts
from ticket_store.pool import Pool


def lanes(
    settings: Settings,
    *,
    connectors: Mapping[str, Connector],
    pool: Pool,
    blobs: LocalBlobStore,
    instance: Instance,
) -> dict[str, Channel]:
    """Make them. Mail without a relay has no way out, and neither has an account whose channel only takes in."""
    found: dict[str, Channel] = {}
    if settings.outbound.smtp.host:
        found[MAIL] = MailChannel(settings=settings, blobs=blobs)
    link = _links(settings, instance)
    for connector in connectors.values():
        if isinstance(connector, Sender):
            found[lane_of(connector)] = MessengerChannel(means=_means(connector, pool, blobs, link))
        elif isinstance(connector, Collected):
            found[lane_of(connector)] = CollectedChannel(connector=connector, blobs=blobs)
    return found


def lane_of(connector: Connector) -> str:
    """Name the lane of an account, as the store does (`sends.lane`)."""
    return f"{connector.account.channel}:{connector.account.name}"


def _links(settings: Settings, instance: Instance) -> Callable[[Part], str]:
    """Give what makes a public link to a part's file; without a public URL there are none."""
    url, links = settings.intake.public_url.rstrip("/"), FileLinks(secret=instance.ticket_number_key)

    def link(part: Part) -> str:
        file = part.file
        if file is None or not url:
            return ""
        return f"{url}{PATH}{links.token(file.sha256, file.content_type, until=now() + LIFE)}"

    return link


def _means(sender: Sender, pool: Pool, blobs: LocalBlobStore, link: Callable[[Part], str]) -> Means:
    paces = PostgresPaces(pool=pool)
    return Means(
        sender=sender,
        parts=PostgresParts(pool=pool),
        turns=Turns(account=sender.account.name, pace=sender.pace, paces=paces, clock=now),
        blobs=blobs,
        clock=now,
        link=link,
    )


def media_job(
    settings: Settings,
    *,
    connectors: Mapping[str, Connector],
    pool: Pool,
    blobs: LocalBlobStore,
    instance: Instance,
    metrics: MediaMetrics,
) -> FetchJob:
    """Give what fetches files that lie at platforms."""
    store = FetchStore(pool=pool, numbers=TicketNumbers(key=instance.ticket_number_key))
    return FetchJob(
        fetchers={name: found for name, found in connectors.items() if isinstance(found, Fetcher)},
        queue=FetchQueue(pool=pool),
        blobs=blobs,
        fetched=Fetched(store=store, policies=policies(settings), source=instance.source, clock=now),
        downloader=Downloader(),
        clock=now,
        store_errors=STORE_ERRORS,
        metrics=metrics,
    )
