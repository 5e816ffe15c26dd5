"""What is said into a dialogue whose private link has ended: nobody can read it, so it does not count as sent."""

from contextlib import closing
from hashlib import sha256

import pytest
from form_lab import ACCOUNT, FormLab, form_lab
from store_rows import StoreRows

from connectors.making import conversation_digest
from connectors.sending import GoneError


def first_words(database: str, lab: FormLab, token: str) -> None:
    """Put what the router would have made of the request into the store."""
    chat = lab.form._handed.read_dialogue(token, now=lab.now).chat
    digest = bytes.fromhex(conversation_digest(ACCOUNT, chat))
    number = int.from_bytes(sha256(digest).digest()[:4]) + 1
    with closing(StoreRows(database)) as rows:
        rows.message(number, channel="webform", account="contact", conversation=digest, received_at=lab.now)


async def test_an_answer_to_a_dialogue_that_has_ended_is_not_sent_and_says_why(database: str) -> None:
    async with form_lab(database, dialogue_days=1) as lab:
        token = await lab.begun(await lab.link())
        part = lab.letter(token, "Is it solved?")
        first_words(database, lab, token)
        lab.later(days=1)
        with pytest.raises(GoneError, match="private link to this dialogue has ended") as caught:
            await lab.form.send(part, content=None, link="")
        assert caught.value.state == "gone"


async def test_an_answer_to_a_dialogue_that_goes_on_is_sent_until_its_end(database: str) -> None:
    async with form_lab(database, dialogue_days=1) as lab:
        token = await lab.begun(await lab.link())
        first_words(database, lab, token)
        lab.later(hours=23, minutes=59)
        await lab.answer(token, "Is it solved?")
        assert [line["text"] for line in (await lab.call("lines", token=token)).json()["lines"]] == ["Is it solved?"]


async def test_the_same_request_sent_again_later_opens_its_dialogue_no_longer(database: str) -> None:
    async with form_lab(database, dialogue_days=1) as lab:
        stamp = await lab.start(await lab.link())
        await lab.send(stamp)
        lab.later(hours=20)
        token = (await lab.send(stamp)).json()["dialogue"]
        lab.later(hours=4)
        assert (await lab.call("lines", token=token)).status_code == 401
