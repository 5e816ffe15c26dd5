"""Errors for the person at the terminal, and the exit codes of `switchboard`.

0  done
1  the answer is no: mistakes in the settings, an unbalanced ledger, something that could not be imported
2  the command line is wrong
3  cannot work now: the store or the bus does not answer, a port is taken, the schema does not fit
4  there is no such ticket, held message, dead letter or file; there is nothing to import
130  ended by Ctrl-C, as shells count it
"""

from typing import Final

NO: Final = 1
USAGE: Final = 2
UNAVAILABLE: Final = 3
NOT_FOUND: Final = 4
INTERRUPTED: Final = 130


class UserError(Exception):
    """What went wrong and what to do, in a sentence; printed without a traceback."""

    def __init__(self, message: str, *, code: int = UNAVAILABLE) -> None:
        super().__init__(message)
        self.code = code
