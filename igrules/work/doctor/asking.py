"""One plain request to an address of ours or of Meta's, with a bound on everything."""

from __future__ import annotations

from dataclasses import dataclass

import requests
import urllib3

_SECONDS = (5.0, 10.0)
_MOST = 4096


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer; ``trouble`` is set instead when there was none, in words."""

    status: int = 0
    text: str = ""
    date: str = ""
    trouble: str = ""


def ask(url: str, params: dict[str, str] | None = None) -> Heard:
    """GET ``url`` once, following nothing and trusting no settings of the machine."""
    session = requests.Session()
    session.trust_env = False
    try:
        with session.get(
            url, params=params, timeout=_SECONDS, allow_redirects=False, stream=True,
            headers={"Accept-Encoding": "identity", "User-Agent": "igrules-doctor"},
        ) as answer:  # fmt: skip
            content = answer.raw.read(_MOST, decode_content=False)
            return Heard(
                answer.status_code, content.decode("utf-8", "replace"),
                answer.headers.get("Date", ""),
            )  # fmt: skip
    except requests.exceptions.SSLError:
        return Heard(trouble="its certificate is not accepted")
    except requests.exceptions.Timeout:
        return Heard(trouble="it does not answer in time")
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError):
        return Heard(trouble="it cannot be reached")
    finally:
        session.close()
