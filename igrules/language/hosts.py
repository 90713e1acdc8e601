"""Whether an address of a rule goes to a host the tenant may call."""

from __future__ import annotations

from urllib.parse import urlsplit

from igrules.language.nodes import Scalar
from igrules.language.place import Place


def check_host(scalar: Scalar, text: str, place: Place) -> bool:
    """Report an address whose host is not under ``http.hosts``, or begins with a blank."""
    before = text.partition("{{")[0]
    host = (urlsplit(before).hostname or "") if before.startswith("https://") else ""
    if not host:
        help = "write the host itself: https://api.luz.example/…; blanks may follow behind it"
        place.problem("IGR503", scalar.span, "the host of this address is a blank", help)
        return False
    if any(_covers(listed, host) for listed in place.settings.http_hosts):
        return True
    help = f"add  http: {{hosts: [{host}]}}  to tenant.yaml; who publishes it needs scope admin"
    place.problem("IGR503", scalar.span, f"'{host}' is not a host this tenant may call", help)
    return False


def _covers(listed: str, host: str) -> bool:
    listed = listed.lower()
    return host.endswith(listed[1:]) if listed.startswith("*.") else host == listed
