"""What an account tells by itself to those who write to it: data, made by the daemon from the settings."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePolicy:
    """Which notices an account sends. A message that was received longer than `max_age` ago calls for none."""

    refused_file: bool = True
    receipt: bool = False
    held: bool = False
    max_age: timedelta = timedelta(hours=24)
