"""The routes of a form here: a real store of links and dialogues, ports in memory, a clock that tests move."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from intake_door import Bench
from intake_ports import MemoryBlobs

from connectors.base import Account
from connectors.sending import ChatLetter, Part
from connectors.webform.channel import WebformChannel, connect
from connectors.webform.settings import WebformAccountSettings
from daemon.body_budget import BodyBudget
from daemon.dialogues import StoredDialogues
from daemon.form_links import new_link
from daemon.routes_desk import AccountRoutesDesk, mounted
from schemas.dialogue_rows import FormLink
from ticket_store.form_links import PostgresFormLinks
from ticket_store.pool import make_pool

ACCOUNT = Account(name="contact", channel="webform", scope="contact")
SECRET = "an invented secret of a form for tests"
CLIENT = "5f1c0b7d9e2a4c68b3d1e0f9"
HOST = "https://desk.example.org"
BASE = f"{HOST}/webform/contact"
SITE = "https://www.example.org"
REQUEST = {"name": "Marta", "text": "The printer stops"}


class KeptBlobs(MemoryBlobs):
    """Gives back what it keeps."""

    async def get(self, digest: str) -> bytes:
        return self.contents[digest]


@dataclass(kw_only=True)
class FormLab:
    """One form. `bench.sink.messages` is what was stored, `bench.refused` what was counted as refused."""

    bench: Bench
    desk: AccountRoutesDesk
    form: WebformChannel
    links: PostgresFormLinks
    dialogues: StoredDialogues
    http: httpx.AsyncClient = field(repr=False)
    now: datetime = datetime(2026, 11, 21, 11, 20, tzinfo=UTC)

    def later(self, **more: float) -> None:
        self.now += timedelta(**more)

    async def link(self, **facts: Any) -> FormLink:
        """Make a link as operators do."""
        made = new_link("contact", **facts, moment=self.now)
        await self.links.write(made)
        return made

    def token(self, link: FormLink) -> str:
        return self.form.link_path(link.id).removeprefix("/f/")

    async def start(self, link: FormLink, client: str = CLIENT) -> str:
        """Begin as a page does, so long ago that it may be sent."""
        answer = await self.call("start", {"link": self.token(link), "client": client})
        assert answer.status_code == 200, answer.text
        self.later(seconds=5)
        return str(answer.json()["stamp"])

    async def send(self, stamp: str, **facts: Any) -> httpx.Response:
        return await self.call("send", {**REQUEST, **facts}, token=stamp)

    async def begun(self, link: FormLink, client: str = CLIENT) -> str:
        """Send a request, and give what opens its dialogue."""
        answer = await self.send(await self.start(link, client))
        assert answer.status_code == 202, answer.text
        return str(answer.json()["dialogue"])

    async def call(
        self, path: str, facts: Mapping[str, Any] | None = None, *, token: str = "", **headers: str
    ) -> httpx.Response:
        """Call the endpoint: POST with facts, else GET."""
        proof = {"authorization": f"Bearer {token}"} if token else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if facts is None:
            return await self.http.get(f"{BASE}/api/{path}", headers={**proof, **named})
        return await self.http.post(f"{BASE}/api/{path}", json=facts, headers={**proof, **named})

    async def upload(self, content: bytes, *, token: str, name: str = "log.txt") -> httpx.Response:
        headers = {"authorization": f"Bearer {token}", "content-type": "text/plain", "x-file-name": name}
        return await self.http.post(f"{BASE}/api/files", content=content, headers=headers)

    async def answer(self, token: str, text: str, files: list[dict[str, Any]] | None = None) -> None:
        """Say something in a dialogue as the way back does."""
        part = self.letter(token, text)
        said = Part(index=0, to=part.to, payload={**part.payload, "files": files or []}, echo=text)
        await self.form.send(said, content=None, link="")

    def letter(self, token: str, text: str) -> Part:
        """Make what goes into a dialogue that is open now."""
        chat = self.form._handed.read_dialogue(token, now=self.now).chat
        (part,) = self.form.split(ChatLetter(number=1, to=chat, text=text))
        return part


@asynccontextmanager
async def form_lab(database: str, *, uploads: BodyBudget | None = None, **settings: Any) -> AsyncIterator[FormLab]:
    """Open it on a fresh database."""
    chosen = WebformAccountSettings.model_validate({"secret": SECRET, "origins": [SITE], **settings})
    form = connect(account=ACCOUNT, settings=chosen)
    bench = Bench(connectors={"contact": form}, blobs=KeptBlobs())
    async with make_pool(database, name="form") as pool:
        blobs = bench.blobs
        assert isinstance(blobs, KeptBlobs)
        dialogues = StoredDialogues(pool=pool, conninfo=database, blobs=blobs, clock=lambda: lab.now)
        form.use(dialogues)
        desk = AccountRoutesDesk(
            intake=bench.intakes["contact"], public_url=HOST, clock=lambda: lab.now, uploads=uploads or BodyBudget()
        )
        app = mounted({"contact": form}, lambda _: desk)
        assert app is not None
        transport = httpx.ASGITransport(app=app, client=("203.0.113.9", 4711))
        async with httpx.AsyncClient(transport=transport) as client:
            lab = FormLab(
                bench=bench, desk=desk, form=form, links=PostgresFormLinks(pool=pool), dialogues=dialogues, http=client
            )
            yield lab
