"""What Telegram writes into a chat by itself: nobody's message, noted and never lost."""

from typing import Any, Final

from connectors.telegram import people
from connectors.telegram.shapes import Json, number, part, parts, words

SERVICE: Final = frozenset(
    {
        *("new_chat_members", "left_chat_member", "chat_owner_left", "chat_owner_changed", "new_chat_title"),
        *("new_chat_photo", "delete_chat_photo", "group_chat_created", "supergroup_chat_created"),
        *("channel_chat_created", "message_auto_delete_timer_changed", "migrate_to_chat_id", "migrate_from_chat_id"),
        *("pinned_message", "gift_upgrade_sent", "connected_website", "write_access_allowed"),
        *("proximity_alert_triggered", "boost_added", "chat_background_set", "checklist_tasks_done"),
        *("checklist_tasks_added", "community_chat_added", "community_chat_removed", "direct_message_price_changed"),
        *("forum_topic_created", "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened"),
        *("general_forum_topic_hidden", "general_forum_topic_unhidden", "giveaway_created", "giveaway_completed"),
        *("managed_bot_created", "paid_message_price_changed", "poll_option_added", "poll_option_deleted"),
        *("suggested_post_approved", "suggested_post_approval_failed", "suggested_post_declined"),
        *("suggested_post_paid", "suggested_post_refunded", "video_chat_scheduled", "video_chat_started"),
        *("video_chat_ended", "video_chat_participants_invited"),
    }
)
"""Keys that make a message a service message (Bot API 10.2)."""

_ABSENT: Final = {"left", "kicked"}


def service_of(message: Json) -> str:
    """Name what a service message is about; empty for what somebody wrote."""
    return next((key for key in message if key in SERVICE and message[key]), "")


def service_details(message: Json, key: str) -> dict[str, Any]:
    """Give its small facts: who came or left, the new title, where the group moved."""
    found: dict[str, Any] = {"service": key}
    if key == "new_chat_members":
        found["members"] = [party.address for item in parts(message, key) if (party := people.user(item))][:100]
    elif key == "left_chat_member" and (party := people.user(part(message, key))):
        found["members"] = [party.address]
    elif key == "new_chat_title":
        found["title"] = words(message, key)
    elif key in {"migrate_to_chat_id", "migrate_from_chat_id"}:
        found["moved_to" if "_to_" in key else "moved_from"] = str(number(message, key))
    return found


def membership(changed: Json) -> str:
    """Say what the bot's own new status means: a person blocks it or does not; a group has it or has not."""
    status = _status(part(changed, "new_chat_member"))
    if words(part(changed, "chat"), "type") == "private":
        return "blocked" if status in _ABSENT else "unblocked"
    return "left" if status in _ABSENT else "joined"


def member_details(changed: Json) -> dict[str, Any]:
    """Say who changed into what, for changes of other members."""
    member = part(changed, "new_chat_member")
    party = people.user(part(member, "user"))
    return {"member": {"id": party.address if party else "", "status": _status(member)}}


def _status(member: Json) -> str:
    status = words(member, "status", 32)
    return "left" if status == "restricted" and member.get("is_member") is False else status
