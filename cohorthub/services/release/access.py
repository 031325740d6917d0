"""Who may read: whoever shows a hub token that carries the service's access scope.

git sends HTTP Basic (RFC 7617), of which the password is the token and the user name means
nothing: the token says who it belongs to. Other clients may send ``Authorization: token …`` as to
the hub itself.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

import tornado.web
from jupyterhub.services.auth import HubAuth

#: Seconds for which the hub's word on a token is believed.
CACHE_SECONDS = 60
_TOKEN = re.compile(r"[!-~]{1,512}")


class Refusal(Exception):
    """A request that is not served: the HTTP status, and a sentence for who asked.

    ``log`` is what the service's log says in addition, for the administrator.
    """

    def __init__(self, status: int, sentence: str, *, log: str = "") -> None:
        self.status = status
        self.sentence = sentence
        self.log = log
        super().__init__(status, sentence)


class Door:
    """Tells who a request is from, by the hub's word, which it waits for at most ``seconds``."""

    def __init__(
        self, api_url: str, api_token: str, required_scope: str, *, seconds: float = 10.0
    ) -> None:
        self.required_scope = required_scope
        self._seconds = seconds
        self._auth = HubAuth(api_url=api_url, api_token=api_token, cache_max_age=CACHE_SECONDS)

    async def reader(self, headers: Mapping[str, str]) -> str:
        """The name of who asks. Raises ``Refusal``: 401, 403, or 503 when the hub is silent."""
        token = token_of(headers.get("Authorization", ""))
        if token is None:
            raise Refusal(
                401,
                "The course's notebooks are for members of the course. Open the day's link while "
                "signed in to the hub; it fetches them into your own server.",
            )
        try:
            async with asyncio.timeout(self._seconds):
                model: Mapping[str, Any] | None = await self._auth.user_for_token(token, sync=False)
        except (TimeoutError, tornado.web.HTTPError) as exc:
            reason = getattr(exc, "log_message", None) or "it did not answer in time"
            raise Refusal(
                503,
                "The hub could not be asked who you are. Wait a minute, then click the link again.",
                log=f"The hub's API cannot be used: {reason} "
                "Look at the hub with `systemctl status cohorthub`.",
            ) from exc
        if model is None:
            raise Refusal(
                401,
                "The hub does not know this server's token any more. Stop your server on the "
                "hub's home page, start it again, and click the link again.",
            )
        if not self._auth.check_scopes({self.required_scope}, model):
            raise Refusal(
                403,
                "This server may not read the course's notebooks. Stop it on the hub's home page, "
                "start it again, and click the link again; if that does not help, tell your "
                "teacher.",
                log=f"A token of {model['name']} lacks the scope {self.required_scope}.",
            )
        return str(model["name"])


def token_of(authorization: str) -> str | None:
    """The token in an Authorization header; None when there is none that could be one."""
    scheme, _, rest = authorization.strip().partition(" ")
    rest = rest.strip()
    if scheme.lower() in {"token", "bearer"}:
        found = rest
    elif scheme.lower() == "basic":
        try:
            found = base64.b64decode(rest, validate=True).decode("ascii").partition(":")[2]
        except (binascii.Error, ValueError):
            return None
    else:
        return None
    return found if _TOKEN.fullmatch(found) else None
