"""docs/specs/connector.md, "Identity": the ids of messages, and what each kind must say."""

from hashlib import sha256

import pytest
from recorded import Recording, outcome, recordings, shown

from schemas.base import MAX_FILE_BYTES
from schemas.message import FileState, InboundMessage, Kind, ThreadId

MAIL = "mail"
RECORDED = [one for one in recordings() if "handshake" not in one.content]
CHATS = [one for one in RECORDED if one.channel != MAIL]
MEMBERSHIP = {"joined", "left", "blocked", "unblocked", "subscribed", "unsubscribed", "denied", "allowed"}


@pytest.mark.parametrize("recording", CHATS, ids=shown)
def test_ids_begin_with_channel_and_account_and_are_digests_of_what_is_shown(recording: Recording) -> None:
    """C20: so that no two platforms' numbers are one id."""
    message = outcome(recording.connect(), recording.kept)
    for found in _ids(message):
        assert found.shown.startswith(f"{message.channel}:{message.account}:")
        assert len(found.shown) == 255 or found.digest == sha256(found.shown.encode()).hexdigest()


@pytest.mark.parametrize("recording", CHATS, ids=shown)
def test_a_message_has_an_id_in_its_conversation(recording: Recording) -> None:
    """C21."""
    message = outcome(recording.connect(), recording.kept)
    if message.kind is not Kind.MESSAGE:
        return
    assert message.thread.own is not None
    assert message.sender.address
    if message.thread.conversation is not None:
        assert message.thread.own.shown.startswith(f"{message.thread.conversation.shown}:")


@pytest.mark.parametrize("recording", CHATS, ids=shown)
def test_an_edit_names_the_message_that_it_changes(recording: Recording) -> None:
    """C22."""
    message = outcome(recording.connect(), recording.kept)
    assert (message.kind is Kind.EDIT) == (message.details.get("edit") is True)
    if message.kind is Kind.EDIT:
        assert len(message.thread.in_reply_to) == 1
        assert message.thread.own is None
        assert message.sender.address


@pytest.mark.parametrize("recording", CHATS, ids=shown)
def test_a_receipt_names_what_it_is_about_and_what_became_of_it(recording: Recording) -> None:
    """C23."""
    message = outcome(recording.connect(), recording.kept)
    if message.kind is Kind.RECEIPT:
        assert message.details["receipt"] in {"delivered", "seen", "failed"}
        assert message.thread.in_reply_to or message.details.get("up_to")


@pytest.mark.parametrize("recording", CHATS, ids=shown)
def test_membership_names_the_conversation_and_one_of_eight_words(recording: Recording) -> None:
    """C24."""
    message = outcome(recording.connect(), recording.kept)
    if message.kind is Kind.MEMBERSHIP:
        assert message.details["membership"] in MEMBERSHIP
        assert message.thread.conversation is not None


@pytest.mark.parametrize("recording", RECORDED, ids=shown)
def test_a_file_is_stored_pending_by_an_id_or_refused_with_a_reason(recording: Recording) -> None:
    """C25: never by a URL, which may hold a secret and ends."""
    for file in outcome(recording.connect(), recording.kept).files:
        assert "://" not in file.platform_id
        if file.state is FileState.STORED:
            assert file.blob is not None
        elif file.state is FileState.PENDING:
            assert file.platform_id
            assert file.size is None or file.size <= MAX_FILE_BYTES
        else:
            assert file.reason


def _ids(message: InboundMessage) -> list[ThreadId]:
    thread = message.thread
    alone = (thread.own, thread.conversation)
    return [*(found for found in alone if found is not None), *thread.in_reply_to, *thread.references]
