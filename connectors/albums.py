"""Files of a letter in groups that go together. Pure."""

from collections.abc import Callable, Iterable, Sequence

from connectors.sending import ChatFile


def albums(
    files: Iterable[ChatFile], *, kind: Callable[[ChatFile], str], most: int, size: int
) -> Sequence[tuple[str, Sequence[ChatFile]]]:
    """Group files of one kind that follow each other, `most` and `size` bytes at most; their order stays.

    A file that is larger stands alone.
    """
    found: list[tuple[str, list[ChatFile]]] = []
    for file in files:
        name = kind(file)
        last = found[-1] if found else ("", [])
        if last[0] == name and len(last[1]) < most and sum(one.size for one in last[1]) + file.size <= size:
            last[1].append(file)
        else:
            found.append((name, [file]))
    return found
