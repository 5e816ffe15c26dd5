"""Rules between sections of the settings, that no section can see alone."""

from collections.abc import Iterator

from connectors.mail.settings import mail_problems
from daemon.settings import Settings
from daemon.settings_problems import Problem, Sources


def problems(settings: Settings, sources: Sources) -> Iterator[Problem]:
    """Give every mistake and warning that only the whole can tell."""
    for key, reason in mail_problems(settings.mail_accounts(), settings.smtp):
        yield _named(tuple(key.split(".")), reason, sources)
    yield from _blobs(settings, sources)


def _named(path: tuple[str, ...], reason: str, sources: Sources) -> Problem:
    if path[0] == "accounts" and not sources.where(path):
        return sources.problem(("accounts",), f"no account is set, and the usual one does not fit here: {reason}")
    return sources.problem(path, reason)


def _blobs(settings: Settings, sources: Sources) -> Iterator[Problem]:
    folder = settings.blob_folder
    if folder.exists() and not folder.is_dir():
        yield sources.problem(("blobs", "path"), f"{folder} is not a folder")
