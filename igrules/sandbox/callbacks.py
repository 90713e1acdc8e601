"""Ask as Meta does for the person who connected an account: permission taken back, data deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from igrules.errors import UsageError
from igrules.instagram.signed_request import sign_request
from igrules.sandbox.webhooks import Postman
from igrules.sandbox.world import World

_WITHIN = 10.0


class Callbacks:
    """Sends the two requests to where the webhooks go."""

    def __init__(self, world: World, postman: Postman) -> None:
        self._world = world
        self._postman = postman

    def deauthorize(self, account: str, app: str = "default", user_id: str = "") -> Any:
        """The owner takes back the permission. ``user_id`` is another person's, if given."""
        return self._ask("deauthorize", account, app, user_id)

    def delete_data(self, account: str, app: str = "default", user_id: str = "") -> Any:
        """The owner wants everything deleted."""
        return self._ask("deletion", account, app, user_id)

    def _ask(self, what: str, account: str, app: str, user_id: str) -> Mapping[str, Any]:
        """Give status and body of the answer."""
        found = self._world.accounts.get(account)
        if found is None:
            raise UsageError(f"there is no account {account}", "add it with add_account")
        payload = {
            "user_id": user_id or found.app_scoped_id,
            "algorithm": "HMAC-SHA256",
            "issued_at": self._world.now() // 1000,
        }
        secret = found.app_secret or self._postman.secret
        signed = sign_request(json.dumps(payload).encode(), secret)
        place = urlsplit(found.webhook_url or self._postman.url)
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                f"{place.scheme}://{place.netloc}/meta/{app}/{what}",
                data={"signed_request": signed},
                timeout=_WITHIN,
                allow_redirects=False,
            )
        return {"status": answer.status_code, "body": answer.json()}
