"""A real browser for tests of pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Chromium from ``IGRULES_CHROMIUM`` or the search path.

    Without one the test is skipped, because Python and make are all that the tests may ask for;
    in CI, which installs one, it fails.
    """
    named = os.environ.get("IGRULES_CHROMIUM", "")
    path = named or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        missing = "no chromium found: install one, or name it in IGRULES_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    # Five seconds are usual, and little for a browser on a busy machine.
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()
