"""How often a busy process looks for garbage."""

import gc
from typing import Final

YOUNG: Final = 10_000
"""Objects made and not let go after which the collector looks at the young ones: a few megabytes at most."""


def quiet_collector() -> None:
    """Look for garbage less often, and never through what the start has made.

    A message makes hundreds of objects and no cycles; with the usual numbers a tenth to a fifth of the time goes into
    looking.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 100)
