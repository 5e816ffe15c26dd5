"""Recorded deliveries of every channel: `tests/connectors/<channel>/recorded/*.json` (docs/specs/connector.md).

    python tests/support/recorded.py CHANNEL [NAME ...] [--again]

signs those with a proof and writes what they give where that is missing, with `--again` anew. Read what it wrote: it is
what the channel promises.
"""

import json
import sys
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from connectors.base import Account, Connector, Delivery, InvalidDeliveryError, Push, Redacts, RefusedError, Signs
from daemon.channels import channels
from schemas.message import InboundMessage

ROOT = Path(__file__).parents[1] / "connectors"
UNSAID = ("version", "raw")
"""Fields of a message that a file leaves out: the suite checks them by itself."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One recorded delivery: where it stands, what it is, and what stands in its file."""

    path: Path
    channel: str
    content: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def settings(self) -> BaseModel:
        return channels()[self.channel].settings.model_validate(self.content["account"]["settings"])

    @property
    def account(self) -> Account:
        name = self.content["account"]["name"]
        return Account(name=name, channel=self.channel, scope=getattr(self.settings, "scope", None) or name)

    @property
    def secrets(self) -> list[str]:
        return list(_secrets(self.settings))

    @property
    def proof(self) -> tuple[str, str]:
        kind, _, name = str(self.content.get("proof", "none")).partition(":")
        return kind, name

    @property
    def is_json(self) -> bool:
        return "json" in self.content["delivery"]

    @property
    def raw(self) -> bytes:
        given = self.content["delivery"]
        if "json" in given:
            return compact(given["json"])
        if "base64" in given:
            return b64decode(given["base64"])
        if "file" in given:
            content: bytes = (self.path.parent / given["file"]).read_bytes()
            return content
        return str(given["text"]).encode()

    @property
    def delivery(self) -> Delivery:
        given = self.content["delivery"]
        return Delivery(
            account=self.account,
            raw=self.raw,
            received_at=datetime.fromisoformat(given["received_at"]),
            intake=given["intake"],
            headers=given.get("headers", {}),
            peer=given.get("peer", ""),
            mail_from=given.get("mail_from", ""),
            rcpt_to=tuple(given.get("rcpt_to", ())),
            helo=given.get("helo", ""),
        )

    @property
    def kept(self) -> Delivery:
        """The delivery as it is normalized and stored."""
        return kept(self.connect(), self.delivery)

    def connect(self) -> Connector:
        return channels()[self.channel].connect(account=self.account, settings=self.settings)

    def twin(self, key: str) -> "Recording | None":
        name = self.content.get(key)
        return _read(self.path.parent / name, self.channel) if name else None


def compact(value: object) -> bytes:
    """Write JSON as platforms do; what UTF-8 cannot hold is escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def recordings(channel: str = "*") -> list[Recording]:
    """Give every recorded delivery, in the order of files."""
    return [_read(path, path.parts[-3]) for path in sorted(ROOT.glob(f"{channel}/recorded/*.json"))]


def shown(recording: Recording) -> str:
    """Name a recording in the names of tests."""
    return f"{recording.channel}/{recording.name}"


def told(message: InboundMessage) -> dict[str, Any]:
    """Give a message as a file promises it."""
    said: dict[str, Any] = message.model_dump(mode="json", exclude_defaults=True)
    return {key: value for key, value in said.items() if key not in UNSAID}


def kept(connector: Connector, delivery: Delivery) -> Delivery:
    """Give what is stored of a delivery: no secret that stood in its body."""
    return connector.redacted(delivery) if isinstance(connector, Redacts) else delivery


def outcome(connector: Connector, delivery: Delivery) -> InboundMessage:
    """Give what the topic would get."""
    try:
        return connector.normalize(delivery).message
    except InvalidDeliveryError as error:
        return connector.undecodable(delivery, error.reason)


def _read(path: Path, channel: str) -> Recording:
    return Recording(path=path, channel=channel, content=json.loads(path.read_text(encoding="utf-8")))


def _secrets(model: BaseModel) -> Iterator[str]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif isinstance(value, BaseModel):
            yield from _secrets(value)


def _complete(recording: Recording, *, again: bool) -> Mapping[str, Any]:
    """Sign, and say what comes of it."""
    content = dict(recording.content)
    connector, delivery = recording.connect(), recording.delivery
    if recording.proof[0] != "none":
        assert isinstance(connector, Signs), f"{recording.channel} has a proof and no `sign`"
        if again or not _passes(connector, delivery):
            signed = connector.sign(replace(delivery, headers={}))
            content["delivery"] = {**content["delivery"], "headers": {**delivery.headers, **signed.headers}}
            if recording.is_json:
                content["delivery"]["json"] = json.loads(signed.raw)
            delivery = replace(delivery, raw=signed.raw, headers=content["delivery"]["headers"])
    answer = connector.handshake(delivery) if isinstance(connector, Push) else None
    if answer is not None:
        content["handshake"] = {"status": answer.status, "body": answer.body.decode()}
    elif again or "expected" not in content:
        content["expected"] = told(outcome(connector, kept(connector, delivery)))
    return content


def _passes(connector: Connector, delivery: Delivery) -> bool:
    try:
        connector.authenticate(delivery)
    except RefusedError:
        return False
    return True


def main(arguments: list[str]) -> None:
    """Complete the files named, or all of a channel."""
    again = "--again" in arguments
    channel, *names = (argument for argument in arguments if argument != "--again")
    for recording in recordings(channel):
        if names and recording.name not in names:
            continue
        content = _complete(recording, again=again)
        written = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
        if written != recording.path.read_text(encoding="utf-8"):
            recording.path.write_text(written, encoding="utf-8")
            sys.stdout.write(f"{shown(recording)}: {json.dumps(content.get('expected', {}), ensure_ascii=False)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
