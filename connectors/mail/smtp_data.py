"""Reading DATA: find its end, undo the dot-stuffing, keep every other byte as it is (RFC 5321 4.5.2).

Only CRLF.CRLF ends it. LF.LF, LF.CRLF, CR.CR and the like are part of the mail, so that a mail that passed another
server cannot smuggle a second one in. Pure: bytes in, bytes out, no line ever stands alone.
"""

from typing import Final

END: Final = b"\r\n.\r\n"
_STUFFED: Final = b"\r\n."
_UNDECIDED: Final = (b"\r\n.\r", b"\r\n.", b"\r\n", b"\r")


class DataReader:
    """Takes DATA in pieces of any size. Use one for one mail; `feed` until `ended`, then take `rest`."""

    def __init__(self) -> None:
        # DATA begins at the start of a line, as though a line end stood before it: a first dot is a stuffed one.
        self._held = b"\r\n"
        self._virtual = True
        self.ended = False
        self.rest = b""
        """What followed the end: the next command."""

    def feed(self, piece: bytes) -> bytes:
        """Give the mail's bytes that this piece made certain; at most 4 bytes are held back for the next call."""
        window = self._held + piece
        end = window.find(END)
        if end >= 0:
            self.ended, self.rest, self._held = True, window[end + len(END) :], b""
            return self._plain(window[: end + 2])
        held = len(_undecided(window))
        self._held = window[len(window) - held :]
        return self._plain(window[: len(window) - held])

    def _plain(self, certain: bytes) -> bytes:
        plain = certain.replace(_STUFFED, b"\r\n")
        if self._virtual and plain:
            self._virtual = False
            return plain[2:]
        return plain


def _undecided(window: bytes) -> bytes:
    """Give the longest end of the window that may turn out to be the beginning of a stuffed or final dot."""
    return next((ending for ending in _UNDECIDED if window.endswith(ending)), b"")
