"""Answers to another system: a signed request to its callback URL, and what its answer means.

The same part goes under the same `webhook-id` however often it is tried, so a receiver that keeps the ids that it has
seen takes it once. No other part has that id: neither one of another installation, nor one that got the same number
after a backup was restored.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from connectors.api.signature import signed_headers
from connectors.sending import ChannelDownError, GoneError, Part, SendFailedError, SendLaterError, Sent

if TYPE_CHECKING:
    from connectors.posting import Clock, Posted, Posts

CONTENT_TYPE: Final = "application/json"
GONE: Final = 410
REFUSED: Final = frozenset({400, 413, 415, 422})
"""What says that this very request will never be taken."""
DOWN: Final = frozenset({401, 403})
"""What says that none will, until people mend it."""
MOST_BROKEN: Final = 5
"""5xx in a row for one part that speak for the whole server; more may be this part's own, and cost it tries."""
LONGEST_ASKED: Final = timedelta(hours=6)
"""For which a receiver may ask us to stay away (Retry-After)."""


class Callback:
    """One URL. `keys` all sign: the receiver knows at least one."""

    def __init__(self, *, url: str, keys: Sequence[bytes]) -> None:
        self._url = url
        self._keys = keys
        self._poster: Posts | None = None
        self._clock: Clock | None = None
        self._instance = ""
        self._breaking = Breaking()

    def use(self, poster: "Posts", clock: "Clock", *, instance: str) -> None:
        """Call with this one, at this time, as this installation."""
        self._poster, self._clock, self._instance = poster, clock, instance

    async def call(self, part: Part, *, link: str) -> Sent:
        """Post one part. Raises the errors of `connectors.sending`."""
        if self._poster is None or self._clock is None:
            raise ChannelDownError("this process posts nothing")
        payload = dict(part.payload)
        if part.file is not None:
            if not link:
                raise SendFailedError("files go as links to us: set intake.public_url")
            payload["file"] = {**payload["file"], "url": link}
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        at = self._clock()
        signed = signed_headers(body, keys=self._keys, request=self._request(part), at=at)
        answer = await self._poster.post(self._url, {"content-type": CONTENT_TYPE, **signed}, body)
        judge(answer, times=self._breaking.times(part.echo, answer.status))
        return Sent(platform_id=part.echo, at=at)

    def _request(self, part: Part) -> str:
        """Name a part among all of all installations; a file's link is no part of it, as every try makes a new one."""
        content = json.dumps(part.payload, sort_keys=True).encode()
        return f"{self._instance}.{part.echo}.{sha256(content).hexdigest()[:16]}"


class Breaking:
    """How many times in a row the server broke at a part; of the `most` parts at which it broke last."""

    def __init__(self, *, most: int = 1000) -> None:
        self._times: OrderedDict[str, int] = OrderedDict()
        self._most = most

    def times(self, part: str, status: int | None) -> int:
        """Count one more 5xx, or forget the part after another answer; no answer (None) changes nothing."""
        before = 0 if status is None else self._times.pop(part, 0)
        if status is None or status < 500:  # noqa: PLR2004 - the server's own errors
            return 0
        self._times[part] = before + 1
        if len(self._times) > self._most:
            self._times.popitem(last=False)
        return before + 1


def judge(answer: "Posted", *, times: int = 0) -> None:
    """Raise what an answer means; 2xx is well, and nothing else. `times`: how often in a row it broke at this part."""
    status = answer.status
    if status is None:
        if answer.unsure:
            raise SendLaterError(answer.problem, unsure=True)
        raise ChannelDownError(answer.problem)
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's success
        return
    said = f"its callback answers {status}"
    if status == GONE:
        raise GoneError("gone", "the other system has given this conversation up (410)", code=str(status))
    if status in REFUSED:
        raise SendFailedError(said, code=str(status))
    if answer.after is not None:
        raise SendLaterError(said, after=min(answer.after, LONGEST_ASKED))
    if times > MOST_BROKEN:
        raise SendLaterError(said)
    if status in DOWN or 300 <= status < 400 or status >= 500:  # noqa: PLR2004 - redirects, the server's own errors
        raise ChannelDownError(answer.problem or said)
    raise SendLaterError(said)
