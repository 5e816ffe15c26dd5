"""DNS for tests: a zone in memory that is a `Resolver`, and the same zone behind a real UDP server on loopback."""

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from connectors.mail.assess_dns import Answer, DnsTroubleError, RecordKind

TTL = 300


class Zone:
    """Records by name and kind, as text. `slow` names never answer, `broken` ones answer SERVFAIL."""

    def __init__(self, records: Mapping[tuple[str, str], tuple[str, ...]] | None = None) -> None:
        self.records: dict[tuple[str, str], tuple[str, ...]] = dict(records or {})
        self.slow: set[str] = set()
        self.broken: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    def add(self, name: str, kind: str, *texts: str) -> None:
        self.records[name, kind] = (*self.records.get((name, kind), ()), *texts)

    def ask(self, name: str, kind: RecordKind, *, seconds: float) -> Answer:
        self.asked.append((name, kind))
        if name in self.slow:
            threading.Event().wait(seconds)
            raise DnsTroubleError("slow")
        if name in self.broken:
            raise DnsTroubleError("broken")
        return Answer(tuple(text.encode() for text in self.records.get((name, kind), ())), TTL)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.asked]


class _Server(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        [question] = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.zone.asked.append((name, kind))
        if name in self.zone.slow or self.transport is None:
            return
        self.transport.sendto(self._answer(query, name, kind).to_wire(), addr)

    def _answer(self, query: dns.message.Message, name: str, kind: str) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        texts = self.zone.records.get((name, kind), ())
        if name in self.zone.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif texts:
            shown = [_quoted(text) for text in texts] if kind == "TXT" else list(texts)
            answer.answer.append(dns.rrset.from_text(query.question[0].name, TTL, "IN", kind, *shown))
        elif not any(known == name for known, _ in self.zone.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


def _quoted(text: str) -> str:
    """Give strings of at most 200 octets, as long TXT records come."""
    return " ".join('"' + text[at : at + 200] + '"' for at in range(0, len(text), 200))


@asynccontextmanager
async def serving(zone: Zone) -> AsyncIterator[str]:
    """Answer on loopback; give address:port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Server(zone), local_addr=("127.0.0.1", 0))
    try:
        host, port = transport.get_extra_info("sockname")
        yield f"{host}:{port}"
    finally:
        transport.close()


def key_record(public: bytes, kind: str = "rsa", more: str = "") -> str:
    return f"v=DKIM1; k={kind}; {more}p={base64.b64encode(public).decode()}"
