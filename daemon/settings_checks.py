"""Rules between sections of the settings, that no section can see alone."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from connectors.mail.settings import mail_problems
from daemon.settings import Settings
from daemon.settings_legacy import legacy_problems
from daemon.settings_problems import Problem, Sources
from router.policy import Takes


def problems(settings: Settings, sources: Sources) -> Iterator[Problem]:
    """Give every mistake and warning that only the whole can tell."""
    for key, reason in mail_problems(settings.mail_accounts(), settings.smtp):
        yield _named(tuple(key.split(".")), reason, sources)
    yield from _certificate(settings, sources)
    yield from _folders(settings, sources)
    yield from _store(settings, sources)
    yield from _kafka(settings, sources)
    yield from _scopes(settings, sources)
    yield from _ports(settings, sources)
    accounts = {name: frozenset[str]() for name in settings.accounts}
    accounts |= {name: frozenset(account.addresses) for name, account in settings.mail_accounts().items()}
    yield from legacy_problems(settings.legacy, accounts, sources)
    if not settings.outbound.smtp.host:
        for name in (name for name, desk in settings.legacy.items() if desk.forward_to):
            reason = "what is sent on waits until outbound.smtp.host is set"
            yield sources.problem(("legacy", name, "forward_to"), reason, level="warning")
    yield from _notices(settings, sources)
    yield from _outbound(settings, sources)
    yield from _webhooks(settings, sources)
    yield from _callbacks(settings, sources)


def _webhooks(settings: Settings, sources: Sources) -> Iterator[Problem]:
    """Find authorities that cannot be read: the role would not start."""
    file = settings.webhooks.ca_file
    if file is None:
        return
    if not file.is_file():
        yield sources.problem(("webhooks", "ca_file"), f"there is no file {file}")
        return
    try:
        ssl.create_default_context(cafile=str(file))
    except OSError as error:
        yield sources.problem(("webhooks", "ca_file"), f"no certificates can be read from it: {error.strerror}")


def _callbacks(settings: Settings, sources: Sources) -> Iterator[Problem]:
    """Find callback URLs to which no request would go."""
    named = {name: getattr(account, "callback_url", "") for name, account in settings.accounts.items()}
    if not any(named.values()):
        return
    from connectors.posting_guard import ForbiddenUrlError  # noqa: PLC0415 - its library is only for those who send

    for name, url in named.items():
        try:
            if url:
                settings.webhooks.reach().target(url)
        except ForbiddenUrlError as error:
            yield sources.problem(("accounts", name, "callback_url"), str(error))


def _outbound(settings: Settings, sources: Sources) -> Iterator[Problem]:
    """Find accounts whose replies come from an address that nobody chose, and a log-in that is only half there."""
    relay = settings.outbound.smtp
    if relay.host:
        for name, account in settings.mail_accounts().items():
            if account.reply_address is None and all(address.endswith("@*") for address in account.addresses):
                reason = (
                    f"not set: replies come from {account.desk(settings.smtp.hostname).address}, made of smtp.hostname"
                )
                yield sources.problem(("accounts", name, "reply_address"), reason, level="warning")
    if bool(relay.username) != (relay.password is not None):
        missing = "password" if relay.username else "username"
        reason = "a log-in takes both a username and a password"
        yield sources.problem(("outbound", "smtp", missing), reason, level="warning")


def _named(path: tuple[str, ...], reason: str, sources: Sources) -> Problem:
    if path[0] == "accounts" and not sources.where(path):
        return sources.problem(("accounts",), f"no account is set, and the usual one does not fit here: {reason}")
    return sources.problem(path, reason)


def _certificate(settings: Settings, sources: Sources) -> Iterator[Problem]:
    """Load the certificate as the listener will; a missing file has been reported before."""
    smtp = settings.smtp
    if smtp.tls_cert is None or not all(path.is_file() for path in (smtp.tls_cert, smtp.tls_key) if path):
        return
    from connectors.mail.smtp_tls import CertificateError, tls_context  # noqa: PLC0415 - only for those who use it

    try:
        tls_context(smtp)
    except CertificateError as error:
        yield sources.problem(tuple(error.key.split(".")), error.reason)


def _folders(settings: Settings, sources: Sources) -> Iterator[Problem]:
    """Find a file where a folder shall be, or above it."""
    for key, folder in ((("data_dir",), settings.data_dir), (("blobs", "path"), settings.blobs.path)):
        there = next((path for path in (folder, *folder.parents) if path.exists()), Path()) if folder else Path()
        if not there.is_dir():
            yield sources.problem(key, f"{there} is not a folder")


def _store(settings: Settings, sources: Sources) -> Iterator[Problem]:
    """Find what is no connection string. The words of libpq are not repeated, because they quote the password."""
    if settings.store.url is None:
        return
    try:
        conninfo_to_dict(settings.store.url.get_secret_value())
    except psycopg.Error:
        reason = "is no connection string: write postgresql://USER@HOST:PORT/DATABASE"
        yield sources.problem(("store", "url"), reason)


def _kafka(settings: Settings, sources: Sources) -> Iterator[Problem]:
    if settings.bus.kafka is None:
        return
    from bus.kafka_settings import KafkaSettings, kafka_warnings, tls_mistakes  # noqa: PLC0415 - only for those who use it

    if isinstance(settings.bus.kafka, KafkaSettings):
        for name, mistake in tls_mistakes(settings.bus.kafka):
            yield sources.problem(("bus", "kafka", name), mistake)
        for warning in kafka_warnings(settings.bus.kafka):
            yield sources.problem(("bus", "kafka"), warning, level="warning")
    if settings.bus.engine != "kafka":
        yield sources.problem(("bus", "kafka"), 'means nothing without bus.engine = "kafka"', level="warning")
    elif not settings.blobs.shared:
        reason = "with Kafka every machine must see the blobs: share the folder (or use one machine) and set it to true"
        yield sources.problem(("blobs", "shared"), reason)
    if settings.bus.engine == "kafka" and settings.store.embedded:
        reason = "the embedded PostgreSQL serves one machine; set store.url for more"
        yield sources.problem(("store", "url"), reason, level="warning")


def _scopes(settings: Settings, sources: Sources) -> Iterator[Problem]:
    """Accounts of several channels may share a scope: then a proof of identity joins one person's channels."""
    for name in settings.accounts:
        scope = _scope_of(settings, name)
        if scope != name and scope in settings.accounts and _scope_of(settings, scope) != scope:
            reason = f"{scope!r} is the name of an account that has another scope: choose a name of its own"
            yield sources.problem(("accounts", name, "scope"), reason)


def _scope_of(settings: Settings, name: str) -> str:
    return getattr(settings.accounts[name], "scope", None) or name


def _ports(settings: Settings, sources: Sources) -> Iterator[Problem]:
    taken: dict[int, str] = {}
    ports = {name: getattr(settings, name).port for name in ("smtp", "http", "intake", "api")}
    for section, port in ports.items():
        first = taken.setdefault(port, section)
        if port and first != section:
            yield sources.problem((section, "port"), f"{port} is {first}.port already")


def _notices(settings: Settings, sources: Sources) -> Iterator[Problem]:
    """Find notices that can never go out, and what is wrong in texts of the operator's own, with its line."""
    for name, notices in settings.account_notices.items():
        policy = settings.policies.get(name)
        if notices.held and policy is not None and policy.takes is not Takes.REPLIES:
            reason = 'no message is held for that: it needs policy.takes = "replies"'
            yield sources.problem(("accounts", name, "notices", "held"), reason, level="warning")
        if notices.templates is not None:
            yield from _texts(("accounts", name, "notices", "templates"), notices.templates, sources)


def _texts(key: tuple[str, ...], folder: Path, sources: Sources) -> Iterator[Problem]:
    from lifecycle.notice_texts import misfits  # noqa: PLC0415 - its library is only for those who write own texts

    if not folder.is_dir():
        yield sources.problem(key, f"there is no folder {folder}")
        return
    for found in misfits(folder):
        yield Problem(key=".".join(key), reason=found.reason, where=f"{found.file}:{found.line}")
