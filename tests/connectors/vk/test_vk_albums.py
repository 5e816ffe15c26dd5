"""Several files go in one message of VK, ten at most; the same part twice arrives once."""

import pytest

from connectors.sending import ChatFile, ChatLetter, SendFailedError
from connectors.vk.channel import VkCallback
from doubles.vk import VkDouble

ANNA = "14887"


def file(number: int, size: int = 5, kind: str = "application/pdf") -> ChatFile:
    return ChatFile(name=f"{number}.bin", content_type=kind, size=size, sha256="0" * 64)


def letter(*files: ChatFile, text: str = "") -> ChatLetter:
    return ChatLetter(number=5, to=ANNA, text=text, files=files)


def attachments(vk: VkDouble) -> list[list[str]]:
    return [
        message["sent"].get("attachment", "").split(",")
        for message in vk.community.history[ANNA]
        if message["sent"].get("attachment")
    ]


async def test_files_of_all_kinds_go_in_one_message_after_the_text(callback: VkCallback, vk: VkDouble) -> None:
    text, album = callback.split(letter(file(1), file(2, kind="image/png"), file(3), text="Вот"))
    await callback.send(text, content=None, link="")
    sent = await callback.send_album(album, contents=[b"1", b"2", b"3"])
    assert [[name[:4] for name in names] for names in attachments(vk)] == [["doc-", "phot", "doc-"]]
    assert (sent.platform_id, [vk.community.files[f"{n}.bin"] for n in (1, 2, 3)]) == ("2", [b"1", b"2", b"3"])


@pytest.mark.parametrize(("count", "sizes"), [(10, [10]), (11, [10, 1]), (22, [10, 10, 2])])
async def test_a_message_has_ten_files_at_most(
    callback: VkCallback, vk: VkDouble, count: int, sizes: list[int]
) -> None:
    for part in callback.split(letter(*map(file, range(count)))):
        if part.album:
            await callback.send_album(part, contents=[b"x"] * len(part.album))
        else:
            await callback.send(part, content=b"x", link="")
    assert [len(names) for names in attachments(vk)] == sizes


def test_files_that_go_together_have_fifty_megabytes_at_most(callback: VkCallback) -> None:
    parts = callback.split(letter(*(file(number, 20 << 20) for number in range(5))))
    assert [len(part.album) or 1 for part in parts] == [2, 2, 1]


async def test_the_same_album_twice_arrives_once(callback: VkCallback, vk: VkDouble) -> None:
    (album,) = callback.split(letter(file(1), file(2)))
    sent = [await callback.send_album(album, contents=[b"1", b"2"]) for _ in range(2)]
    assert (len({one.platform_id for one in sent}), len(vk.community.history[ANNA])) == (1, 1)


async def test_a_file_that_vk_refuses_is_named_and_the_others_are_sent(callback: VkCallback, vk: VkDouble) -> None:
    (album,) = callback.split(letter(file(1), file(2), file(3)))
    vk.community.forced.append(15)
    sent = await callback.send_album(album, contents=[b"1", b"2", b"3"])
    assert [len(names) for names in attachments(vk)] == [2]
    assert [refused.partition(":")[0] for refused in sent.refused] == ["1.bin"]


async def test_of_files_that_vk_refuses_all_nothing_is_sent_and_each_is_named(
    callback: VkCallback, vk: VkDouble
) -> None:
    (album,) = callback.split(letter(file(1), file(2)))
    vk.community.forced += [15, 15]
    with pytest.raises(SendFailedError, match=r"1\.bin: .*; 2\.bin: "):
        await callback.send_album(album, contents=[b"1", b"2"])
    assert vk.community.history[ANNA] == []
