"""What `form-links ...` does: links to forms, as functions on an open store and as commands."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, Final

from connectors.dialogue import GivesLinks
from connectors.making import line
from console import tables
from daemon.asking import ask, check_known
from daemon.channels import channels
from daemon.cli_options import print_json, print_line, print_rows
from daemon.clock import now
from daemon.errors import NOT_FOUND, USAGE, UserError
from daemon.opened import Opened
from daemon.settings import Settings
from schemas.dialogue_rows import FormLink
from ticket_store.form_links import PostgresFormLinks

MOST_ORGANISATION: Final = 120
MOST_INSTALLATION: Final = 80
MOST_LABEL: Final = 100


def new_link(
    account: str,
    *,
    organisation: str = "",
    installation: str = "",
    label: str = "",
    lives: timedelta | None = None,
    moment: datetime,
) -> FormLink:
    """Make a link, not kept yet. Without organisation and installation it is for anybody; without `lives`, for ever."""
    return FormLink(
        id=token_hex(8),
        account=account,
        label=line(label, MOST_LABEL),
        organisation=line(organisation, MOST_ORGANISATION),
        installation=line(installation, MOST_INSTALLATION),
        created_at=moment,
        expires_at=None if lives is None else moment + lives,
        revoked_at=None,
    )


def link_url(settings: Settings, link: FormLink) -> str | None:
    """Give the whole address of a link; None when its account is no form of these settings any more."""
    if link.account not in settings.accounts:
        return None
    account, values = settings.account(link.account), settings.accounts[link.account]
    form = channels()[account.channel].connect(account=account, settings=values)
    if not isinstance(form, GivesLinks):
        return None
    intake = settings.intake
    public = intake.public_url or f"http://{intake.host}:{intake.port}"
    return f"{public.rstrip('/')}/{account.channel}/{account.name}{form.link_path(link.id)}"


def create_form_link(
    account: str, *, organisation: str, installation: str, label: str, lives: timedelta | None, as_json: bool
) -> None:
    """Make a link, keep it and print its address."""
    moment = now()
    link = new_link(
        account, organisation=organisation, installation=installation, label=label, lives=lives, moment=moment
    )

    async def add(store: Opened) -> dict[str, Any]:
        check_known("account", account, sorted(store.settings.accounts))
        if link_url(store.settings, link) is None:
            raise UserError(f"account {account!r} is no form: links lead to accounts of channel webform", code=USAGE)
        await PostgresFormLinks(pool=store.pool).write(link)
        if not store.settings.intake.public_url:
            sys.stderr.write("switchboard: intake.public_url is not set, so this address works on this machine alone\n")
        return _shown(store.settings, link, moment)

    found = ask(add)
    print_json(found) if as_json else print_line(found["url"])


def list_form_links(*, account: str | None, as_json: bool) -> None:
    """Print links, the oldest first."""
    moment = now()

    async def read(store: Opened) -> Sequence[Mapping[str, Any]]:
        links = await PostgresFormLinks(pool=store.pool).list_of(account)
        return [_shown(store.settings, link, moment) for link in links]

    nothing = "there is no link: `switchboard form-links create ACCOUNT`"
    print_rows(ask(read), tables.FORM_LINKS, as_json=as_json, nothing=nothing)


def revoke_form_link(which: str) -> None:
    """End a link, named by its id or its whole address. Dialogues that it began go on."""
    link_id = which.rstrip("/").rpartition("/")[2].partition(".")[0].partition("?")[0]

    async def end(store: Opened) -> bool:
        return await PostgresFormLinks(pool=store.pool).revoke(link_id, now=now())

    if not ask(end):
        raise UserError("there is no such link, or it is revoked: `switchboard form-links list`", code=NOT_FOUND)
    print_line(f"link {link_id} is revoked; what was begun by it goes on")


def _shown(settings: Settings, link: FormLink, moment: datetime) -> dict[str, Any]:
    state = "works" if link.is_open(moment) else "revoked" if link.revoked_at else "expired"
    times = {name: value and value.isoformat() for name, value in link._asdict().items() if name.endswith("_at")}
    return {**link._asdict(), **times, "state": state, "url": link_url(settings, link) or ""}
