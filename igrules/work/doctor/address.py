"""The address Meta calls: reachable, with a certificate, and ours."""

from __future__ import annotations

import secrets
import socket
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from igrules.fetch.addresses import is_this_machine
from igrules.ledger import App, Ledger
from igrules.work.configuration import Configuration
from igrules.work.doctor.asking import Heard, ask
from igrules.work.doctor.finding import Finding, fail, ok, warn

_DAY = 86_400
_SOON = 14
"""Days before its end at which a certificate should have been renewed."""
_OFF, _FAR_OFF = 30.0, 300.0


def check(ledger: Ledger, configuration: Configuration, now: int) -> Iterator[Finding]:
    """Listener, address, certificate, handshake and privacy page."""
    if not is_this_machine(configuration.host) and not configuration.trusted_proxy:
        yield fail(
            "listener",
            f"serves {configuration.host} without a proxy in front",
            "listen on 127.0.0.1 behind a proxy with TLS, and name it in trusted_proxy",
        )
    yield from _apps(ledger.apps.list())
    yield from _public(ledger, configuration, now)
    if configuration.privacy_url:
        yield ok("privacy", configuration.privacy_url)
    else:
        yield warn(
            "privacy",
            "privacy_url is not set",
            "publish how persons can ask what is held about them, and set its address",
        )


def _apps(apps: list[App]) -> Iterator[Finding]:
    if not apps:
        yield fail("apps", "no Meta app is known, so no webhook is taken", "igrules app add")
    for app in apps:
        if not app.secrets:
            yield fail("apps", f"app '{app.name}' has no secret", f"igrules app add {app.name}")
        else:
            yield ok("apps", f"'{app.name}', {len(app.secrets)} of 4 secrets")


def _public(ledger: Ledger, configuration: Configuration, now: int) -> Iterator[Finding]:
    url = configuration.public_url.rstrip("/")
    parts = urlsplit(url)
    if not url:
        yield warn(
            "public url",
            "public_url is not set, so the way from Meta cannot be looked at",
            "set it to the address Meta calls, https://…",
        )
        return
    if is_this_machine(parts.hostname or ""):
        yield warn("public url", f"{url} is this machine alone", "set the address Meta calls")
    elif parts.scheme != "https":
        yield fail("public url", f"{url} is not https, which Meta requires", "put TLS in front")
    if parts.scheme == "https":
        yield from _certificate(parts.hostname or "", parts.port or 443, now)
    for app in ledger.apps.list():
        yield _handshake(ledger, app, url)


def _certificate(host: str, port: int, now: int) -> Iterator[Finding]:
    try:
        with (
            socket.create_connection((host, port), timeout=5) as line,
            ssl.create_default_context().wrap_socket(line, server_hostname=host) as talk,
        ):
            talk.settimeout(5)
            ends = ssl.cert_time_to_seconds(str((talk.getpeercert() or {}).get("notAfter", "")))
    except ssl.SSLError as error:
        words = getattr(error, "verify_message", "") or "the handshake failed"
        yield fail("certificate", f"{host}: {words}", "let the proxy get a valid one")
        return
    except (OSError, ValueError):
        yield fail("certificate", f"{host}:{port} cannot be reached", "look at DNS and the proxy")
        return
    days = int((ends - now / 1000) // _DAY)
    if days < _SOON:
        yield warn("certificate", f"{host}: ends in {days} days", "let the proxy renew it")
    else:
        yield ok("certificate", f"{host}: ends in {days} days")


def _handshake(ledger: Ledger, app: App, url: str) -> Finding:
    """Ask what Meta asks when the address is entered in its dashboard."""
    path, token = "/webhook", app.verify_token
    if app.tenant_id is not None:
        token = ledger.tenants.verify_token(app.tenant_id)
        path = f"/webhook/{token}"
    shown = f"{url}/webhook" + ("/…" if app.tenant_id is not None else "")
    challenge = secrets.token_hex(8)
    heard = ask(
        url + path,
        {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": challenge},
    )
    if heard.status == 200 and heard.text == challenge:
        return ok("webhook", f"{shown} answers Meta's handshake for app '{app.name}'")
    return fail("webhook", f"{shown} {_said(heard)}", _remedy(heard, app))


def _said(heard: Heard) -> str:
    if heard.trouble:
        return f"is not there: {heard.trouble}"
    if heard.status == 200:
        return "answers Meta's handshake with something else"
    return f"answers {heard.status} to Meta's handshake"


def _remedy(heard: Heard, app: App) -> str:
    if heard.trouble:
        return "look at DNS, the proxy, and whether igrules serve runs"
    if heard.status == 403:
        return (
            "another igrules answers there, or another database; the verify token of app"
            f" '{app.name}' is not known to it"
        )
    return "let the proxy pass /webhook on to igrules, unchanged"


def clocks(ledger: Ledger, configuration: Configuration) -> Iterator[Finding]:
    """This machine's clock against those of the database and of Meta."""
    stored = ledger.clock()
    if stored is not None:
        yield _clock("the database's", stored / 1000 - time.time())
    flavours = {app.flavour for app in ledger.apps.list()} or {"instagram_login"}
    urls = {
        configuration.fbl_url if flavour == "facebook_login" else configuration.igl_url
        for flavour in flavours
    }
    for url in sorted(urls):
        host = urlsplit(url).hostname or url
        heard = ask(url)
        if heard.trouble:
            yield fail("graph", f"{host}: {heard.trouble}", "let this machine reach it")
            continue
        try:
            theirs = parsedate_to_datetime(heard.date).timestamp()
        except (TypeError, ValueError):
            yield warn("clock", f"{host} does not tell the time", "compare the clock by hand")
            continue
        yield _clock(f"that of {host}", theirs - time.time())


def _clock(whose: str, off: float) -> Finding:
    sentence = f"{abs(off):.1f} s off {whose}"
    if abs(off) > _FAR_OFF:
        return fail("clock", sentence, "set the clock, and keep it by NTP")
    if abs(off) > _OFF:
        return warn("clock", sentence, "keep the clock by NTP")
    return ok("clock", sentence)
