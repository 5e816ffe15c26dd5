"""The daemon's log: one event a line on standard error, JSON for machines, readable on a terminal.

Events carry ids, counts, names and reasons: never message text, tokens or full addresses. Whoever logs keeps to that;
the processors here are the last net. An exception is logged by its type and the places it passed, because the texts of
foreign exceptions repeat what they choked on (PostgreSQL's DETAIL and CONTEXT lines hold whole rows).
"""

import logging
import re
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

ROOMS: Final = ("schemas", "connectors", "bus", "router", "ticket_store", "lifecycle", "console", "daemon")
MAX_VALUE: Final = 500
"""Characters of one logged value; no event of ours needs more, a text that slipped in is cut."""

FLOORS: Final = {
    "mail.log": logging.ERROR,  # aiosmtpd: DEBUG holds whole mails, INFO and WARNING hold addresses and commands
    "aiosmtpd": logging.WARNING,
    "aiokafka": logging.WARNING,
    "psycopg": logging.WARNING,
    "uvicorn": logging.WARNING,
    "aiosql": logging.ERROR,  # opinions on how statements are named
    "asyncio": logging.WARNING,
    "httpx": logging.WARNING,  # INFO holds URLs
    "httpcore": logging.WARNING,
    "telegram": logging.WARNING,  # DEBUG holds what is sent
}
"""The least level of foreign loggers, whatever the settings say."""

_ADDRESS: Final = re.compile(r"""(?:"[^"\n]{1,64}"|[^\s<>"'(),:;\[\]]+)@(?=[^\s<>"'(),;])""")
_NEVER: Final = frozenset(
    [
        "text",
        "html",
        "body",
        "subject",
        "raw",
        "content",
        "value",
        "payload",
        "password",
        "secret",
        "token",
        "authorization",
        "cookie",
        "snippet",
    ]
)


def configure(*, level: str, format_: str, process: str, stream: TextIO = sys.stderr) -> None:
    """Set up structlog and the standard library's logging for this process."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared = _processors(process)
    renderer = _renderer(stream, format_)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared[:-1], first_line, shared[-1]],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    _root(handler, number)


def _root(handler: logging.Handler, level: int) -> None:
    """Send every logger to the one handler; foreign ones are heard from WARNING on."""
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
    for room in ROOMS:
        logging.getLogger(room).setLevel(level)
    for name, floor in FLOORS.items():
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(level, floor))
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # a log line that cannot be written must not put its content elsewhere


def _processors(process: str) -> Sequence[Processor]:
    def named(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("process", process)
        return event

    return (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        named,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        exceptions_without_text,
        redact,
    )


def _renderer(stream: TextIO, format_: str) -> Processor:
    if format_ == "console" or (format_ == "auto" and stream.isatty()):
        return structlog.dev.ConsoleRenderer(colors=stream.isatty())
    return structlog.processors.JSONRenderer()


def exceptions_without_text(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace an exception by its type, its SQLSTATE when it has one, and the places it passed."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = error_name(error)
        event["places"] = _places(error.__traceback__)
    return event


def error_name(error: BaseException) -> str:
    """Name an exception for the log: its type, what the system calls it, and what caused it; none of its text."""
    state = getattr(error, "sqlstate", None)
    detail = f"[{state}]" if state else f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    cause = error.__cause__
    return f"{type(error).__qualname__}{detail}" + (f" from {error_name(cause)}" if cause is not None else "")


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-8:]
    return [f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno} {frame.name}" for frame in frames]


def first_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep one line of a foreign event: asyncio puts the text of lost exceptions on the next."""
    return {**event, "event": str(event.get("event", "")).partition("\n")[0]}


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Take out of every value what must not stand in a log: the last net."""
    return {key: "[redacted]" if key.lower() in _NEVER else safe(value) for key, value in event.items()}


def safe(value: object) -> object:
    """Hide the local part of every address and Message-ID, and cut what is long."""
    if isinstance(value, str):
        hidden = _ADDRESS.sub("***@", value[: 4 * MAX_VALUE])
        return hidden if len(value) <= MAX_VALUE else f"{hidden[:MAX_VALUE]}... ({len(value)} characters)"
    if isinstance(value, dict):
        return redact(None, "", value)
    if isinstance(value, list | tuple | set | frozenset):
        return [safe(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return safe(error_name(value) if isinstance(value, BaseException) else str(value))
